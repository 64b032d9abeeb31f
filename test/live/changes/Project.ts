/** A project with a squad of puppets and the real daemon on it, and what people do to it. */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { post, read } from "../support/Client.ts"
import { cli, eventually, type Proc, ready, squadron } from "../support/Daemon.ts"
import { git, look, makeFolder, processesWith, type ProjectOptions } from "./Folder.ts"
import { type Note, notesIn, type Script, scripted } from "./Puppet.ts"

export const repository = "example/app"
const puppet = fileURLToPath(new URL("puppet/main.mjs", import.meta.url))

export type AgentRow = {
  readonly id: string
  readonly status: string
  readonly note: string
  readonly pullRequest: number | null
  readonly subject: { readonly kind: string; readonly number: number }
}
export type Pull = {
  readonly number: number
  readonly title: string
  readonly state: string
  readonly merged: boolean
  readonly mergeCommit: string | null
  readonly head: { readonly ref: string; readonly sha: string }
}
type Comment = { readonly author: string; readonly body: string; readonly agent?: string }
type Issue = { readonly number: number; readonly state: string; readonly labels: ReadonlyArray<string> }
type Line = { readonly id: number; readonly kind: string; readonly agent: string | null; readonly text: string }

const make = Effect.fnUntraced(function* (options: ProjectOptions) {
  const { folder, notes, top } = yield* makeFolder(options)
  const before = yield* look(folder)
  const scope = yield* Effect.scope
  const state = join(folder, ".squadron-state")
  const bare = join(state, "repositories", `${repository}.git`)
  const mirror = join(state, "mirrors", `${repository}.git`)
  const mark = `PUPPET_LOG=${notes}`
  let daemon: Proc
  let url = ""
  let life: Scope.Closeable | null = null

  /** Processes of agents, by what the daemon's own environment has; the daemon's other selves are about to become git. */
  const processes = () => processesWith(mark).filter(({ command }) => !command.includes(`start ${folder} `))

  const start = Effect.gen(function* () {
    life = yield* Scope.fork(scope)
    daemon = yield* squadron(["start", folder, "--port", "0", "--agent", `${process.execPath} ${puppet}`], {
      env: { PUPPET_LOG: notes, ...options.env }
    }).pipe(Scope.provide(life))
    url = yield* ready(folder, daemon)
  })

  /** Ends the daemon by a signal; answers how it ended. */
  const stop = Effect.fnUntraced(function* (signal: NodeJS.Signals) {
    yield* daemon.signal(signal)
    return yield* daemon.ended
  })

  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      yield* Effect.ignore(stop("SIGTERM"))
      if (life !== null) yield* Scope.close(life, Exit.void)
      for (const { pid } of processesWith(mark)) process.kill(pid, "SIGKILL")
    }).pipe(Effect.ignore)
  )
  yield* start

  const get = <A>(path: string) => read<A>(url, path)
  const printed = () => `${daemon.out().slice(-6_000)}${daemon.err().slice(-3_000)}`
  const wait = <A, E>(fact: string, look: Effect.Effect<A | undefined, E>, more = () => "") =>
    eventually(fact, look, { within: 40_000, last: () => `${more()}\nIt printed:\n${printed()}` })
  const send = Effect.fnUntraced(function* <A>(path: string, body: unknown) {
    const answer = yield* post(url, path, body)
    if (answer.status !== 200) return yield* Effect.die(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as A
  })

  const patch = Effect.fnUntraced(function* (path: string, body: unknown) {
    const init = { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
    const { status } = yield* Effect.promise(() => fetch(`${url}/api/v1${path}`, init))
    if (status !== 200) return yield* Effect.die(`${path}: ${status}`)
  })

  const notesOf = (agent: string) => notesIn(notes, agent)
  const agent = (id: string) => get<AgentRow>(`/agents/${id}`)
  const told = (id: string) => () =>
    notesOf(id)
      .map((note) => JSON.stringify(note).slice(0, 1500))
      .join("\n")

  return {
    folder,
    top,
    notes,
    state,
    bare,
    mirror,
    start,
    stop,
    processes,
    get,
    send,
    patch,
    wait,
    notesOf,
    agent,
    daemon: () => daemon,
    url: () => url,
    /** What the project's own folder held before the daemon came, and holds now. */
    looks: Effect.map(look(folder), (after) => ({ before, after })),
    workspace: (id: string) => join(state, "workspaces", id),
    run: (...args: ReadonlyArray<string>) => cli(args, { cwd: folder }),
    /** Opens an issue with a script in its text; answers its number. */
    open: Effect.fnUntraced(function* (
      label: string,
      script: Script,
      more: { readonly author?: string; readonly text?: string; readonly labels?: ReadonlyArray<string> } = {}
    ) {
      const { author = "alice", labels = [label], text = "" } = more
      const issue = { title: `To be done: ${label}`, body: `${text}\n\n${scripted(script)}`, labels, author }
      return (yield* send<Issue>("/issues", issue)).number
    }),
    say: (number: number, body: string, author = "alice") =>
      send<Comment>(`/issues/${repository}/${number}/comments`, { body, author }),
    /** The agent of a role on an issue or pull request; the newest where there were several. */
    agentOn: (role: string, number: number) =>
      wait(
        `an agent ${role} on ${number}`,
        Effect.map(
          get<ReadonlyArray<AgentRow>>(`/agents?role=${role}&limit=1000`),
          (all) => all.find(({ subject }) => subject.number === number)?.id
        )
      ),
    stands: (id: string, ...statuses: ReadonlyArray<string>) =>
      wait(
        `${id} being ${statuses.join(" or ")}`,
        Effect.map(agent(id), (row) => (statuses.includes(row.status) ? row : undefined)),
        told(id)
      ),
    /** The first of its notes that is so. */
    noted: (id: string, fact: string, isSo: (note: Note) => boolean) =>
      wait(
        `${id} noting ${fact}`,
        Effect.sync(() => notesOf(id).find(isSo)),
        told(id)
      ),
    /** Lets the puppets go on that wait for it. */
    signal: (name: string) => Effect.sync(() => writeFileSync(join(notes, name), "")),
    issue: (number: number) =>
      get<{ readonly issue: Issue; readonly comments: ReadonlyArray<Comment> }>(`/issues/${repository}/${number}`),
    pull: (number: number) =>
      Effect.map(get<{ readonly pullRequest: Pull }>(`/pulls/${repository}/${number}`), (full) => full.pullRequest),
    /** The newest pull request of an agent's branch, once it is there. */
    pullOf: (id: string) =>
      wait(
        `a pull request of ${id}`,
        Effect.map(get<ReadonlyArray<Pull>>("/pulls?limit=1000"), (all) =>
          all.find(({ head }) => head.ref === `squadron/${id}`)
        ),
        told(id)
      ),
    approve: (number: number, author = "alice") =>
      send(`/pulls/${repository}/${number}/reviews`, { verdict: "approve", author }),
    merged: (number: number) =>
      wait(
        `pull request ${number} being merged`,
        Effect.map(get<{ readonly pullRequest: Pull }>(`/pulls/${repository}/${number}`), ({ pullRequest }) =>
          pullRequest.merged ? pullRequest : undefined
        )
      ),
    journal: (query = "") => get<ReadonlyArray<Line>>(`/journal?limit=1000${query}`),
    /** The commit of a ref of the forge's repository; the empty string where it is not there. */
    at: (ref: string) => Effect.orElseSucceed(git(bare, "rev-parse", "--verify", "-q", ref), () => ""),
    /** A person's clone, from the forge over HTTP. */
    clone: Effect.fnUntraced(function* (login: string) {
      const place = mkdtempSync(join(top, `${login}-`))
      yield* git(place, "clone", "-q", `${url.replace("://", `://${login}:any@`)}/${repository}.git`, "clone")
      return join(place, "clone")
    })
  }
})

export class Project extends Context.Service<Project, Effect.Success<ReturnType<typeof make>>>()(
  "live/changes/Project"
) {
  static readonly layer = (options: ProjectOptions = {}) => Layer.effect(Project, make(options))
}
