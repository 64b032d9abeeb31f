import { Arbitrary, Schema } from "effect"
import { type Agent, agentId, AgentStatus, isLive, noCounts } from "../../src/domain/Agent.ts"
import { Actor, type Detail, type Event } from "../../src/domain/Event.ts"
import { makeRole, makeSquad, type Role, Rule } from "../../src/domain/Role.ts"
import type { RouteInput } from "../../src/domain/Routing.ts"
import * as Subject from "../../src/domain/Subject.ts"

const repository = "acme/widgets"

const Name = Schema.Literals(["alpha", "beta", "fix-1"])
const Label = Schema.Literals(["bug", "ui"])
const Number = Schema.Literals([0, 1, 2])
const Few = Schema.Literals([0, 1, 2])
const type = Schema.Literals([
  "issue.opened",
  "issue.closed",
  "issue.assigned",
  "issue.labeled",
  "comment.created",
  "custom"
])

const SomeRule = Schema.Struct({
  event: type,
  labels: Schema.optionalKey(Schema.Array(Label)),
  label: Schema.optionalKey(Label),
  from: Schema.optionalKey(Rule.fields.from.schema)
})

const SomeRole = Schema.Struct({ on: Schema.Array(SomeRule).check(Schema.isMaxLength(4)) })

const SomeAgent = Schema.Struct({
  role: Name,
  number: Number,
  status: Schema.Literals([...AgentStatus.literals, "waiting", "waiting", "blocked", "paused", "sleeping"]),
  version: Schema.Literals([1, 4]),
  unread: Few,
  setAside: Few,
  turnsEnded: Few,
  blockedOn: Schema.Array(Schema.Literals([1, 2, 9])).check(Schema.isMaxLength(2))
})

const asked = [
  "timer.fired",
  "agent.cancel_requested",
  "agent.pause_requested",
  "agent.resume_requested",
  "agent.retry_requested",
  "agent.answered"
] as const

const SomeEvent = Schema.Struct({
  type: Schema.Literals([...type.literals, ...type.literals, ...asked]),
  number: Number,
  actor: Actor.fields.kind,
  assignee: Schema.Literals(["ada", "squadron"]),
  labels: Schema.Array(Label).check(Schema.isMaxLength(2)),
  label: Label,
  causedBy: Schema.NullOr(Schema.Struct({ role: Name, number: Number })),
  depth: Schema.Literals([0, 1, 8, 9]),
  /** Which agent it names, and whether the timer that it names is the agent's own. */
  named: Schema.Literals([0, 1, 2, 3]),
  stale: Schema.Boolean
})

const SomeMention = Schema.Struct({
  word: Schema.Literals([...Name.literals, "help", "nobody", ""]),
  colon: Schema.Boolean,
  text: Schema.Literals(["do it", "again"])
})

const subject = (number: number) => (number === 0 ? Subject.repository(repository) : Subject.issue(repository, number))

const agentOf = (some: typeof SomeAgent.Type, index: number): Agent => {
  const at = subject(some.number)
  const id = agentId(some.role, at, index + 1)
  const blockedOn = some.blockedOn.map((number) => `${repository}#${number}`).filter((key) => key !== Subject.key(at))
  return {
    id,
    role: some.role,
    subject: at,
    status: some.status,
    version: some.version,
    priority: 0,
    unread: some.unread,
    setAside: some.setAside,
    timer: some.status === "waiting" ? `${id}/t${some.version}` : null,
    counters: { ...noCounts, turnsEnded: some.turnsEnded },
    blockedOn: some.status === "blocked" ? (blockedOn.length > 0 ? [...new Set(blockedOn)] : [`${repository}#9`]) : [],
    note: "",
    session: null,
    fingerprint: null,
    pullRequest: null,
    branch: null,
    vouchedAt: null,
    approved: [],
    depth: 0,
    createdAt: 0,
    since: 0
  }
}

const detailOf = (some: typeof SomeEvent.Type, named: Agent | undefined): Detail => {
  const issue = { title: "t", body: "b", state: "open" as const, author: "ada", labels: some.labels, assignees: [] }
  const agent = named?.id ?? "alpha-7-e99"
  switch (some.type) {
    case "issue.opened":
    case "issue.closed":
      return { _tag: some.type, issue }
    case "issue.assigned":
      return { _tag: some.type, issue, assignee: some.assignee }
    case "issue.labeled":
      return { _tag: some.type, issue, label: some.label }
    case "comment.created":
      return {
        _tag: some.type,
        title: "t",
        labels: some.labels,
        comment: { id: 1, body: "b", author: "ada", association: "NONE" }
      }
    case "custom":
      return { _tag: some.type, name: "ping", payload: null }
    case "timer.fired":
      return {
        _tag: some.type,
        timer: some.stale ? `${agent}/t0` : (named?.timer ?? `${agent}/t1`),
        kind: "retry",
        agent
      }
    case "agent.cancel_requested":
    case "agent.pause_requested":
      return { _tag: some.type, agent, reason: "" }
    case "agent.answered":
      return { _tag: some.type, agent, answer: "yes" }
    default:
      return { _tag: some.type, agent }
  }
}

/** Plausible input for `route`: few names, so that events meet rules and agents, and a roster as the router gives it. */
export const situation: Arbitrary.Arbitrary<RouteInput> = Arbitrary.map(
  Arbitrary.all({
    roles: Arbitrary.schema(Schema.Struct({ alpha: SomeRole, beta: SomeRole, "fix-1": SomeRole })),
    agents: Arbitrary.array(Arbitrary.schema(SomeAgent), { maxLength: 8 }),
    some: Arbitrary.schema(SomeEvent),
    mentions: Arbitrary.array(Arbitrary.schema(SomeMention), { maxLength: 3 })
  }),
  ({ agents, mentions, roles, some }) => {
    const at = subject(some.number)
    const all = agents.map(agentOf)
    const live = new Map(
      all.filter((agent) => isLive(agent.status)).map((agent) => [`${agent.role} ${Subject.key(agent.subject)}`, agent])
    )
    const possible = all.filter((agent) => !isLive(agent.status) || [...live.values()].includes(agent))
    const named =
      (some.type === "timer.fired" ? possible.find((agent) => agent.timer !== null) : undefined) ??
      possible[some.named % (possible.length + 1)]
    const detail = detailOf(some, named)
    const event: Event = {
      seq: 50,
      key: "k",
      source: "library",
      at: 1000,
      actor: { login: "ada", kind: some.actor },
      subject: "agent" in detail && named !== undefined ? named.subject : at,
      causedBy: some.causedBy === null ? null : agentId(some.causedBy.role, subject(some.causedBy.number), 40),
      depth: some.depth,
      detail
    }
    const key = Subject.key(event.subject)
    return {
      event,
      squad: makeSquad({
        roles: Object.entries(roles).map(([name, { on }]): Role =>
          makeRole({ name, harness: { _tag: "function", name }, on })
        )
      }),
      roster: possible.filter(
        (agent) =>
          (agent === named && "agent" in detail) ||
          (isLive(agent.status) && (Subject.key(agent.subject) === key || agent.blockedOn.includes(key)))
      ),
      mentions
    }
  }
)
