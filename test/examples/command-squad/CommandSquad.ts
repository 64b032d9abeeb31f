import { NodeServices } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"
import { CommandHarness } from "../../../src/adapters/harness/CommandHarness.ts"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import * as Markdown from "../../../src/adapters/markdown/MarkdownMentions.ts"
import type { Action } from "../../../src/domain/Action.ts"
import { born } from "../../../src/domain/changeAgent.ts"
import type { Detail } from "../../../src/domain/Event.ts"
import type { Message } from "../../../src/domain/Message.ts"
import type { Limits } from "../../../src/domain/Role.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import type { TurnResult } from "../../../src/services/Harness.ts"
import { Mentions } from "../../../src/services/Mentions.ts"

const root = fileURLToPath(new URL("../../../examples/command-squad", import.meta.url))
export const repository = "example/invoice"

/** What an issue is like in the API double; open unless told. */
export type Listed = {
  readonly number: number
  readonly title: string
  readonly body?: string
  readonly state?: "open" | "closed"
  readonly labels?: ReadonlyArray<string>
}

/** A server that lists these issues as Squadron's API does, on a free port; gives its address. */
export const issuesApi = (issues: ReadonlyArray<Listed>, answer: "array" | "object" | "error" = "array") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer((request, response) => {
        const url = new URL(request.url ?? "/", "http://localhost")
        const state = url.searchParams.get("state")
        const list = issues.filter((issue) => state === null || (issue.state ?? "open") === state)
        const one = issues.find(({ number }) => url.pathname === `/api/v1/issues/${repository}/${number}`)
        const isList = url.pathname === "/api/v1/issues"
        response.statusCode = answer === "error" ? 503 : isList || one ? 200 : 404
        response.end(
          JSON.stringify(!isList ? { issue: one, comments: [] } : answer === "object" ? { issues: list } : list)
        )
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            close: () => {
              server.closeAllConnections()
              server.close()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ url }) => url))

export const issueOpened = (
  title: string,
  body = "",
  more: { readonly labels?: ReadonlyArray<string>; readonly assignees?: ReadonlyArray<string> } = {}
): Detail => ({
  _tag: "issue.opened",
  issue: { title, body, state: "open", author: "mia", labels: more.labels ?? [], assignees: more.assignees ?? [] }
})

/** A person's comment that addresses the role. */
export const asks = (text: string) => ({
  kind: "command" as const,
  text,
  detail: {
    _tag: "comment.created",
    comment: { id: 1, body: text, author: "mia", association: "OWNER" },
    title: "An issue",
    labels: []
  } satisfies Detail
})

export const pushed = (after: string, before = "0".repeat(40)): Detail => ({
  _tag: "push",
  ref: "refs/heads/main",
  before,
  after,
  forced: false,
  deleted: false,
  commits: []
})

type Given = {
  readonly messages?: ReadonlyArray<
    Detail | { readonly kind: Message["kind"]; readonly text: string; readonly detail: Detail }
  >
  readonly subject?: Subject.Subject
  /** The project's folder instead of the example's own. */
  readonly project?: string
  readonly url?: string
  readonly limits?: Partial<Limits>
  /** Where its temporary files go. */
  readonly temporary?: string
  readonly env?: Readonly<Record<string, string>>
}

/** One turn of one of the squad's roles: its program, started by the real harness as its file says. */
export const turn = Effect.fnUntraced(
  function* (name: string, given: Given = {}) {
    const fs = yield* FileSystem.FileSystem
    const { squad } = yield* loadConfig(root)
    const declared = squad.roles.find((role) => role.name === name)
    if (declared?.harness._tag !== "command") return yield* Effect.die(new Error(`no program for ${name}`))
    const [program, script = "", ...rest] = declared.harness.run
    const role = {
      ...declared,
      limits: { ...declared.limits, ...given.limits },
      harness: {
        ...declared.harness,
        run: [program, script, ...(given.project === undefined ? rest : [given.project])] as const
      }
    }
    const subject = given.subject ?? Subject.issue(repository, 20)
    const messages = (given.messages ?? []).map((message, index): Message => {
      const { detail, kind, text } =
        "detail" in message ? message : { detail: message, kind: "event" as const, text: "" }
      return {
        id: index + 1,
        agent: "",
        kind,
        text,
        status: "unread",
        reason: "",
        event: {
          seq: index + 1,
          key: `k${index}`,
          source: "local",
          at: 0,
          actor: { login: "mia", kind: "person" },
          subject,
          causedBy: null,
          depth: 0,
          detail
        }
      }
    })
    const event = messages[0]?.event
    if (event === undefined) return yield* Effect.die(new Error("a turn begins with a message"))
    const agent = born(role, event)
    const temporary = given.temporary ?? (yield* fs.makeTempDirectoryScoped())
    const stateDir = yield* fs.makeTempDirectoryScoped()
    const harness = CommandHarness.layer({
      url: given.url ?? "http://127.0.0.1:9",
      killAfter: "2 seconds",
      hostEnv: { ...process.env, TMPDIR: temporary, ...given.env }
    }).pipe(Layer.provide(ProcessRecords.layer({ stateDir })))
    const run = `${agent.id}/1`
    const result = yield* CommandHarness.use((harness) =>
      Effect.scoped(
        Effect.flatMap(harness.open(agent, role, run), (session) =>
          session.turn({
            agent,
            role,
            run,
            turn: 1,
            messages,
            notice: "",
            briefing: Effect.succeed({ whole: "", news: "" })
          })
        )
      )
    ).pipe(Effect.provide(harness))
    assert.strictEqual(result.stderr, "")
    assert.strictEqual(result.exit, 0)
    yield* addressesNobody(result)
    return result
  },
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)

type Of<Tag extends Action["_tag"]> = Extract<Action, { readonly _tag: Tag }>

/** The actions of one kind. */
export const actions = <Tag extends Action["_tag"]>(result: TurnResult, tag: Tag): ReadonlyArray<Of<Tag>> =>
  result.actions.map(({ action }) => action).filter((action): action is Of<Tag> => action._tag === tag)

export const comments = (result: TurnResult): ReadonlyArray<string> =>
  actions(result, "comment").map(({ body }) => body)

/** Nothing that a program of the squad writes may wake an agent. */
const addressesNobody = Effect.fnUntraced(function* (result: TurnResult) {
  const mentions = yield* Mentions
  for (const { action } of result.actions) {
    if ("body" in action && action.body !== null)
      assert.deepStrictEqual(mentions.find(action.body, "squadron"), [], action.body)
  }
}, Effect.provide(Markdown.layer))

/** A copy of the sample project as it lies there, committed or not, outside of any repository. */
export const sampleProject = Effect.gen(function* () {
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  cpSync(join(root, "../first-squad/project"), folder, { recursive: true })
  return folder
})

/** A folder with these files, outside of any repository. */
export const folderWith = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  write(folder, files)
  return folder
})

export const write = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

const git = (folder: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false", ...args], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  }).trim()

/** Commits all that is there and gives the commit's id. */
export const commit = (folder: string): string => {
  git(folder, "add", "--all")
  git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")
  return git(folder, "rev-parse", "HEAD")
}

/** A new repository with these files in its first commit. */
export const repositoryWith = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const folder = yield* folderWith(files)
  git(folder, "init", "--quiet", "--initial-branch=main")
  return { folder, head: commit(folder) }
})

/** What the program left in its temporary folder. */
export const leftIn = (temporary: string): ReadonlyArray<string> =>
  readdirSync(temporary).filter((name) => name.startsWith("command-squad-"))
