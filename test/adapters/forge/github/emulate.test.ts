/**
 * A second opinion on our own double: the same forge on `emulate`, which others wrote from GitHub's documentation.
 *
 * It cannot show, since emulate has none of it or answers otherwise than GitHub: GraphQL, so who edited and drafts of
 * pull requests that exist; commit statuses, so `checks` as a whole; conditional requests; git over HTTP, so `push`;
 * heads of pull requests that move, conflicts, files and merges as git makes them; comments on lines; answers in review
 * threads; an app's deliveries; a person's permissions where it is not the owner.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { createEmulator } from "emulate"
import { createServer } from "node:net"
import { layer } from "../../../../src/adapters/forge/github/GitHubForge.ts"
import type { Action } from "../../../../src/domain/Action.ts"
import { Forge } from "../../../../src/services/Forge.ts"
import { suite } from "../../../contract/ForgeContract.ts"
import { agent, draft, onPull, repository } from "./OnDouble.ts"

const seed = {
  tokens: { tok: { login: "mona", scopes: ["repo"] } },
  github: {
    users: [{ login: "mona" }, { login: "hubot" }],
    orgs: [{ login: "acme" }],
    repos: [
      { owner: "acme", name: "app", auto_init: true },
      { owner: "acme", name: "other", auto_init: true },
      { owner: "mona", name: "tool", auto_init: true }
    ],
    apps: [
      {
        app_id: 7,
        slug: "squadron",
        name: "Squadron",
        permissions: { issues: "write", contents: "write", metadata: "read", pull_requests: "write", checks: "write" },
        events: [],
        installations: [{ installation_id: 11, account: "acme", repository_selection: "all" }]
      }
    ]
  }
}

/** A port that was free a moment ago; emulate does not choose one itself. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const emulator = Effect.gen(function* () {
  const port = yield* freePort
  const server = yield* Effect.acquireRelease(
    Effect.promise(() => createEmulator({ service: "github", port, seed: seed as never })),
    (running) => Effect.promise(() => running.close())
  )
  const secret = server.generatedSecrets.find(({ kind }) => kind === "github.app_private_key")
  assert(secret !== undefined)
  /** What anybody else can ask. */
  const ask = <A>(method: string, path: string, body?: unknown): Effect.Effect<A> =>
    Effect.promise(async () => {
      const answer = await fetch(`${server.url}${path}`, {
        method,
        headers: { authorization: "token tok", "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      return (await answer.json()) as A
    })
  return { url: server.url, key: Redacted.make(secret.value), ask }
})

type Emulator = Effect.Success<typeof emulator>

const forgeOn = ({ key, url }: Emulator, as: "token" | "app") =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        layer({
          apiUrl: url,
          auth: as === "app" ? { _tag: "app", id: 7, privateKey: key } : { _tag: "token", token: Redacted.make("tok") },
          mirror: () => "/nonexistent",
          repositories: [repository],
          pause: 0
        })
      )
    ),
    (context) => Context.get(context, Forge)
  )

const open = (title: string): Action => ({ _tag: "open_issue", title, body: `about ${title}`, labels: ["bug"] })

/** The contract's part on issues. Nobody edits there, which emulate cannot tell, having no GraphQL. */
suite(
  "GitHubForge on emulate",
  Layer.effect(
    Forge,
    Effect.map(
      Effect.flatMap(emulator, (server) => forgeOn(server, "token")),
      (forge) =>
        Forge.of({
          ...forge,
          issue: (repository, number) =>
            Effect.map(forge.issue(repository, number), (issue) => ({ ...issue, editor: null, editedAt: null }))
        })
    )
  )
)

describe("GitHubForge on emulate", () => {
  it.live("as an app: opens, comments, labels, assigns, closes and reopens, each once", () =>
    Effect.gen(function* () {
      const server = yield* emulator
      const forge = yield* forgeOn(server, "app")
      const { issue } = yield* forge.perform(draft("open", 0, open("one")))
      assert(issue !== undefined)
      const actions: ReadonlyArray<Action> = [
        { _tag: "comment", body: "hello" },
        { _tag: "add_labels", labels: ["ui", "Bug"] },
        { _tag: "remove_labels", labels: ["bug"] },
        { _tag: "assign", assignees: ["mona"] },
        { _tag: "close_issue", reason: "not_planned" },
        { _tag: "reopen_issue" },
        { _tag: "close_issue", reason: "completed" }
      ]
      for (const action of actions) yield* forge.perform(draft(JSON.stringify(action), issue, action))
      // another forge remembers nothing, and finds the marks
      const second = yield* forgeOn(server, "app")
      assert.deepStrictEqual(yield* second.perform(draft("open", 0, open("one"))), { issue })
      const again = yield* second.perform(draft(JSON.stringify(actions[0]), issue, { _tag: "comment", body: "hello" }))
      const comments = yield* second.comments(repository, issue)
      assert.deepStrictEqual(
        comments.map(({ agent, author, body, id }) => ({ agent, author, body, id })),
        [{ agent, author: "squadron[bot]", body: "hello", id: again.comment ?? 0 }]
      )
      const found = yield* second.issue(repository, issue)
      assert.deepInclude(found, { title: "one", body: "about one", state: "closed", comments: 1, agent, editor: "?" })
      assert.deepStrictEqual([found.labels, found.assignees], [["ui"], ["mona"]])
      assert.deepStrictEqual(
        (yield* second.issues({ limit: 10, repository })).map(({ number }) => number),
        [issue]
      )
    })
  )

  it.live("refuses a key that is not the app's", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* emulator, yield* emulator]
      const forge = yield* forgeOn({ ...one, key: other.key }, "app")
      const error = yield* Effect.flip(forge.defaultBranch(repository))
      assert.isFalse(error.retryable)
      assert.include(error.message, "credentials")
    })
  )

  it.live("reads more than one page, and says what is not there", () =>
    Effect.gen(function* () {
      const server = yield* emulator
      const forge = yield* forgeOn(server, "token")
      const { issue = 0 } = yield* forge.perform(draft("open", 0, open("one")))
      for (let count = 1; count <= 120; count++) {
        yield* server.ask("POST", `/repos/acme/app/issues/${issue}/comments`, { body: String(count) })
      }
      const bodies = (yield* forge.comments(repository, issue)).map(({ body }) => Number(body))
      assert.deepStrictEqual(
        bodies,
        Array.from({ length: 120 }, (_, index) => index + 1)
      )
      assert.strictEqual((yield* Effect.flip(forge.issue(repository, 99)))._tag, "IssueNotFound")
      assert.strictEqual((yield* Effect.flip(forge.pullRequest(repository, issue)))._tag, "PullRequestNotFound")
      assert.strictEqual(yield* forge.defaultBranch(repository), "main")
      assert.strictEqual(yield* forge.trust("mona/tool", "mona"), "admin")
      assert.strictEqual(yield* forge.trust("mona/tool", "nobody-at-all"), "none")
    })
  )

  it.live("opens a pull request once, reviews it as a role, and deletes its branch", () =>
    Effect.gen(function* () {
      const server = yield* emulator
      type Branches = ReadonlyArray<{ readonly commit: { readonly sha: string } }>
      const [branch] = yield* server.ask<Branches>("GET", "/repos/acme/app/branches")
      const commit = branch?.commit.sha ?? ""
      yield* server.ask("POST", "/repos/acme/app/git/refs", { ref: "refs/heads/squadron/coder-1-e1", sha: commit })
      const asked = { title: "work", body: "about work", head: "squadron/coder-1-e1", base: "main", draft: false }
      const action: Action = { _tag: "open_pull_request", ...asked }
      const forge = yield* forgeOn(server, "app")
      const { pullRequest = 0 } = yield* forge.perform(draft("open", 0, action))
      const second = yield* forgeOn(server, "app")
      assert.deepStrictEqual(yield* second.perform(draft("open", 0, action)), { pullRequest })
      assert.deepStrictEqual(yield* second.perform(draft("other", 0, { ...action, title: "better" })), { pullRequest })
      const [pull, ...others] = yield* second.pullRequests({ repository, head: asked.head, limit: 10 })
      assert.deepStrictEqual(others, [])
      assert.deepInclude(pull, { number: pullRequest, title: "better", body: "about work", draft: false, agent })
      assert.deepStrictEqual(pull?.head, { ref: asked.head, sha: commit, repository })

      const review = {
        _tag: "review",
        role: "reviewer",
        verdict: "comment",
        commit,
        body: "so so",
        comments: []
      } as const
      const { review: id = 0 } = yield* second.perform(onPull("review", pullRequest, review))
      assert.deepStrictEqual(yield* forge.perform(onPull("review", pullRequest, review)), { pullRequest, review: id })
      const reviews = yield* forge.reviews(repository, pullRequest)
      assert.deepStrictEqual(
        reviews.map((one) => one.id),
        [id]
      )

      // emulate refuses comments on lines, and stores the review all the same
      const lines = { ...review, role: "other", comments: [{ path: "README.md", line: 1, body: "here" }] }
      const { review: stored = 0 } = yield* forge.perform(onPull("lines", pullRequest, lines))
      assert.deepStrictEqual(
        (yield* forge.reviews(repository, pullRequest)).map((one) => one.id),
        [id, stored]
      )

      const check: Action = { _tag: "set_check", name: "gate/a", commit, conclusion: "success", summary: "well" }
      yield* forge.perform(draft("check", 0, check))
      yield* second.perform(draft("check", 0, check))
      type Runs = { readonly check_runs: ReadonlyArray<{ readonly name: string; readonly conclusion: string }> }
      const runs = yield* server.ask<Runs>("GET", `/repos/acme/app/commits/${commit}/check-runs`)
      assert.deepStrictEqual(
        runs.check_runs.map(({ conclusion, name }) => [name, conclusion]),
        [["gate/a", "success"]]
      )

      const gone = (key: string, at: string) =>
        forge.perform(draft(key, 0, { _tag: "delete_branch", branch: asked.head, commit: at }))
      assert.include((yield* Effect.flip(gone("a", "1".repeat(40)))).message, commit)
      yield* gone("b", commit)
      yield* gone("c", commit)
    })
  )
})
