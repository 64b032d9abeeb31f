import { Clock, Effect, Layer, Option, PubSub, Redacted, Ref, Stream } from "effect"
import { HttpServer } from "effect/http"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import * as Http from "../../src/app/http.ts"
import { ServerSettings } from "../../src/app/serverAddress.ts"
import { type Agent, type AgentStatus } from "../../src/domain/Agent.ts"
import type { QueuedAction } from "../../src/domain/Action.ts"
import { AgentNotFound, EventNotFound, IssueNotFound, NotPossible } from "../../src/domain/Errors.ts"
import { type Event, Published } from "../../src/domain/Event.ts"
import type { JournalEntry, JournalVerdict } from "../../src/domain/Journal.ts"
import { makeRole, makeSquad } from "../../src/domain/Role.ts"
import { retryAction } from "../../src/domain/retryAction.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Backup, BackupFailed } from "../../src/services/Backup.ts"
import { type Comment, Forge, type Issue } from "../../src/services/Forge.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { someAgent } from "../support/someAgent.ts"

export const repository = "acme/shop"

export const fixer: Agent = someAgent({
  id: "fixer-7-e1",
  role: "fixer",
  subject: Subject.issue(repository, 7),
  status: "asking",
  version: 3,
  unread: 1,
  note: "Which currency?"
})

/** Actions of the fixer, numbered from 1, one of each status that is given. */
export const acted = (...statuses: ReadonlyArray<QueuedAction["status"]>): ReadonlyArray<QueuedAction> =>
  statuses.map((status, index) => ({
    id: index + 1,
    key: `${fixer.id}/${index}`,
    subject: fixer.subject,
    agent: fixer.id,
    depth: 1,
    action: { _tag: "close_issue", reason: "completed" },
    status,
    attempts: status === "queued" ? 0 : 1,
    error: status === "failed" ? "The forge refused: no permission" : ""
  }))

export const routed: JournalEntry = {
  id: 1,
  kind: "event.routed",
  at: 0,
  event: 1,
  agent: null,
  text: "routed to fixer",
  verdicts: [
    { role: "fixer", rule: 1, matched: true, why: "all conditions hold" },
    { role: "triage", rule: 2, matched: false, why: "label bug is not there" }
  ]
}

const counts = (ready: number): { readonly [Status in AgentStatus]: number } => ({
  ready,
  running: 0,
  waiting: 0,
  blocked: 0,
  asking: 1,
  paused: 0,
  escalated: 0,
  sleeping: 0,
  done: 0,
  cancelled: 0
})

/** What the fakes keep, for a test to look at and to change. */
const makeState = Effect.gen(function* () {
  return {
    events: yield* Ref.make<ReadonlyArray<Event>>([]),
    issues: yield* Ref.make<ReadonlyArray<Issue>>([]),
    comments: yield* Ref.make<ReadonlyArray<Comment & { readonly issue: number }>>([]),
    agents: yield* Ref.make<ReadonlyArray<Agent>>([fixer]),
    actions: yield* Ref.make<ReadonlyArray<QueuedAction>>([]),
    accepting: yield* Ref.make(true),
    written: yield* Ref.make<ReadonlyArray<JournalEntry>>([routed]),
    journal: yield* PubSub.unbounded<JournalEntry>(),
    verdict: yield* Ref.make<JournalVerdict>({ lines: 0, head: null, broken: null, noted: null }),
    heads: yield* Ref.make<ReadonlyArray<string | null>>([])
  }
})
type State = Effect.Success<typeof makeState>

const findAgent = (state: State, id: string) =>
  Effect.flatMap(Ref.get(state.agents), (agents) => {
    const agent = agents.find((agent) => agent.id === id)
    return agent === undefined ? Effect.fail(new AgentNotFound({ agent: id })) : Effect.succeed(agent)
  })

const findEvent = (state: State, seq: number) =>
  Effect.flatMap(Ref.get(state.events), (events) => {
    const event = events.find((event) => event.seq === seq)
    return event === undefined ? Effect.fail(new EventNotFound({ seq })) : Effect.succeed(event)
  })

const move = Effect.fnUntraced(function* (state: State, id: string, from: AgentStatus, to: AgentStatus, note: string) {
  const agent = yield* findAgent(state, id)
  if (agent.status !== from) return yield* new NotPossible({ agent: id, status: agent.status, wanted: to })
  const moved = { ...agent, status: to, note }
  yield* Ref.update(state.agents, (agents) => agents.map((other) => (other.id === id ? moved : other)))
  return moved
})

const squadron = (state: State) =>
  Layer.mock(Squadron, {
    publish: (draft) =>
      Ref.modify(state.events, (events): readonly [Published, ReadonlyArray<Event>] => {
        const known = events.find((event) => event.key === draft.key)
        if (known !== undefined) return [Published.cases.Duplicate.make({ seq: known.seq }), events]
        const seq = events.length + 1
        return [Published.cases.Accepted.make({ seq }), [...events, { seq, ...draft }]]
      }),
    watch: Stream.fromPubSub(state.journal),
    pause: (id, reason) => move(state, id, "asking", "paused", reason),
    answer: (id, answer) => move(state, id, "asking", "ready", answer),
    retryAction: Effect.fnUntraced(function* (id) {
      const held = (yield* Ref.get(state.actions)).find((action) => action.id === id)
      const retried = yield* Effect.fromResult(retryAction(id, held, 0).value)
      yield* Ref.update(state.actions, (actions) => actions.map((action) => (action.id === id ? retried : action)))
      return retried
    }),
    explainEvent: (seq) =>
      Effect.map(findEvent(state, seq), (event) => ({ event, routed: true, journal: [routed], agents: [fixer] })),
    explainAgent: (id) =>
      Effect.map(findAgent(state, id), (agent) => ({ agent, journal: [routed], runs: [], actions: [] })),
    status: Effect.map(Effect.all([Ref.get(state.accepting), Ref.get(state.actions)]), ([accepting, actions]) => ({
      version: "0.1.0",
      startedAt: 0,
      accepting,
      events: 2,
      routed: 2,
      agents: counts(0),
      unread: 1,
      setAside: 0,
      actionsQueued: 0,
      actionsFailed: actions.filter(({ status }) => status === "failed").length,
      permits: { held: 1, limit: 10 },
      roles: [{ name: "fixer", description: "Fixes bugs", running: 1, limit: 4 }]
    }))
  })

const store = (state: State) =>
  Layer.mock(Store, {
    event: (seq) => findEvent(state, seq),
    events: ({ limit }) => Effect.map(Ref.get(state.events), (events) => events.toReversed().slice(0, limit)),
    agent: (id) => findAgent(state, id),
    agents: ({ live }) => Effect.map(Ref.get(state.agents), (agents) => (live === false ? [] : agents)),
    inbox: () => Effect.succeed([]),
    runs: () => Effect.succeed([]),
    actions: ({ agent, before = Number.MAX_SAFE_INTEGER, limit, status }) =>
      Effect.map(Ref.get(state.actions), (actions) =>
        actions
          .filter(
            (action) =>
              action.id < before &&
              (agent === undefined || action.agent === agent) &&
              (status === undefined || action.status === status)
          )
          .toReversed()
          .slice(0, limit)
      ),
    journal: () => Ref.get(state.written),
    verifyJournal: (noted) =>
      Effect.andThen(
        Ref.update(state.heads, (heads) => [...heads, noted]),
        Ref.get(state.verdict)
      ),
    counts: Effect.succeed({
      events: 2,
      routed: 2,
      agents: counts(0),
      unread: 1,
      setAside: 0,
      actionsQueued: 0,
      actionsFailed: 0
    })
  })

const forge = (state: State) => {
  const find = (name: string, number: number) =>
    Effect.flatMap(Ref.get(state.issues), (issues) => {
      const issue = issues.find((issue) => issue.repository === name && issue.number === number)
      return Effect.mapError(
        Effect.fromOption(Option.fromUndefinedOr(issue)),
        () => new IssueNotFound({ issue: `${name}#${number}` })
      )
    })
  const change = Effect.fnUntraced(function* (name: string, number: number, patch: (issue: Issue) => Partial<Issue>) {
    const issue = yield* find(name, number)
    const changed = { ...issue, ...patch(issue) }
    yield* Ref.update(state.issues, (issues) => issues.map((other) => (other === issue ? changed : other)))
    return changed
  })
  return Layer.mock(LocalForge, {
    issue: find,
    issues: (query) =>
      Effect.map(Ref.get(state.issues), (issues) =>
        issues.filter((issue) => query.state === undefined || issue.state === query.state)
      ),
    comments: (name, number) =>
      Effect.andThen(
        find(name, number),
        Effect.map(Ref.get(state.comments), (comments) => comments.filter(({ issue }) => issue === number))
      ),
    open: Effect.fnUntraced(function* (issue) {
      const at = yield* Clock.currentTimeMillis
      const number = (yield* Ref.get(state.issues)).length + 1
      const opened: Issue = {
        ...issue,
        number,
        state: "open",
        assignees: [],
        createdAt: at,
        editor: null,
        editedAt: null,
        updatedAt: at,
        comments: 0,
        pullRequest: false
      }
      yield* Ref.update(state.issues, (issues) => [...issues, opened])
      return opened
    }),
    comment: Effect.fnUntraced(function* ({ author, body, number, repository }) {
      yield* change(repository, number, (issue) => ({ comments: issue.comments + 1 }))
      const comment = { id: 1, body, author, createdAt: 0, editor: null, editedAt: null, issue: number }
      yield* Ref.update(state.comments, (comments) => [...comments, comment])
      return comment
    }),
    label: ({ add, number, remove, repository }) =>
      change(repository, number, ({ labels }) => ({
        labels: [...labels.filter((label) => !remove.includes(label)), ...add]
      })),
    close: ({ number, repository }) => change(repository, number, () => ({ state: "closed" })),
    reopen: ({ number, repository }) => change(repository, number, () => ({ state: "open" }))
  })
}

const backup = Layer.succeed(Backup, {
  to: (path) =>
    path === "/full/copy.db"
      ? Effect.fail(new BackupFailed({ path, reason: "no space" }))
      : Effect.succeed({ bytes: 42 })
})

/** A served squadron over fakes; the server is real, on a free port of the loopback address. */
export const serve = Effect.fnUntraced(function* (options: { readonly token?: string; readonly port?: number } = {}) {
  const state = yield* makeState
  const settings = ServerSettings.of({
    host: "127.0.0.1",
    port: options.port ?? 0,
    token: options.token === undefined ? null : Redacted.make(options.token),
    repository
  })
  const role = makeRole({ name: "fixer", harness: { _tag: "function", name: "fixer" } })
  const services = Layer.mergeAll(
    squadron(state),
    store(state),
    forge(state),
    // pull requests are shown by tests of the whole
    Layer.mock(Forge, {}),
    Layer.mock(Workspaces, {}),
    backup,
    Squads.layer(makeSquad({ roles: [role], mention: "crew" })),
    Layer.succeed(ServerSettings, settings)
  )
  const context = yield* Layer.build(Http.layer.pipe(Layer.provide(services)))
  const url = yield* Effect.provideContext(HttpServer.addressFormattedWith(Effect.succeed), context)
  return { url: url.replace("localhost", "127.0.0.1"), state }
})
