import { Effect, Layer, References } from "effect"
import { SqlClient } from "effect/sql"
import type { ActionStatus } from "../../domain/Action.ts"
import { type AgentStatus, AgentStatus as AgentStatuses, liveStatuses } from "../../domain/Agent.ts"
import { AgentNotFound, EventNotFound } from "../../domain/Errors.ts"
import type { Event } from "../../domain/Event.ts"
import type { Message } from "../../domain/Message.ts"
import { retryAction } from "../../domain/retryAction.ts"
import { openRun } from "../../domain/Run.ts"
import { Store } from "../../services/Store.ts"
import { before, history, where } from "./history.ts"
import { forValues } from "./insertRows.ts"
import {
  actionOf,
  type ActionRow,
  agentOf,
  type AgentRow,
  eventOf,
  type EventRow,
  type MessageRow,
  timerOf
} from "./rows.ts"
import { SqlWriter } from "./SqlWriter.ts"
import { verifyJournal } from "./verifyJournal.ts"

type ReadyRow = { readonly id: string; readonly role: string }

/** Written out: an index over the failed rows is not used for a value that comes as a parameter. */
const ofStatus: { readonly [Status in ActionStatus]: string } = {
  queued: "status = 'queued'",
  done: "status = 'done'",
  failed: "status = 'failed'"
}

/** Rows that a search without an index looks through at most, from the newest. */
const searched = 100_000

/** `Store` on any `SqlClient`: changes go through the one writer, reads see what is committed. */
export const layer: Layer.Layer<Store, never, SqlWriter | SqlClient.SqlClient> = Layer.effect(
  Store,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* SqlWriter
    // a read that fails is an internal fault: there is nothing that a caller could do about it
    const read = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
      Effect.provideService(Effect.orDie(effect), References.TracerEnabled, false)

    // one pass without sorting, which a million rows would need memory for
    const [found] = yield* read(
      sql<{ readonly [Status in AgentStatus]: number }>`SELECT ${sql.csv(
        AgentStatuses.literals.map((status) => sql`count(CASE WHEN status = ${status} THEN 1 END) AS ${sql(status)}`)
      )} FROM agents`
    )
    const moved = new Map(AgentStatuses.literals.map((status) => [status, Number(found?.[status] ?? 0)]))
    writer.onMoved((by) => {
      for (const [status, n] of by) moved.set(status, (moved.get(status) ?? 0) + n)
    })

    const eventsBySeq = Effect.fnUntraced(function* (seqs: ReadonlyArray<number>) {
      const found = new Map<number, Event>()
      const missing: Array<number> = []
      for (const seq of seqs) {
        const event = writer.recent.get(seq)
        if (event === undefined) missing.push(seq)
        else found.set(seq, event)
      }
      if (missing.length > 0) {
        for (const row of yield* forValues<EventRow>(sql, "SELECT seq, body FROM events WHERE seq IN (??)", [
          ...new Set(missing)
        ])) {
          found.set(row.seq, eventOf(row))
        }
      }
      return found
    })

    const withEvents = Effect.fnUntraced(function* (rows: ReadonlyArray<MessageRow>) {
      const events = yield* eventsBySeq(rows.map((row) => row.event))
      const messages: Array<Message> = []
      for (const row of rows) {
        const event = events.get(row.event)
        if (event === undefined)
          return yield* Effect.die(new Error(`message ${row.id} names event ${row.event}, which is not there`))
        messages.push({
          id: row.id,
          agent: row.agent,
          kind: row.kind,
          text: row.text,
          status: row.status,
          reason: row.reason,
          event
        })
      }
      return messages
    })

    const cursor = read(
      Effect.map(sql<{ seq: number }>`SELECT seq FROM cursors WHERE name = 'router'`, (rows) => rows[0]?.seq ?? 0)
    )

    const past = history(sql, withEvents)

    return Store.of({
      inbox: (agent, page) => read(past.inbox(agent, page)),
      runs: (agent) => read(past.runs(agent)),
      journal: (page) => read(past.journal(page)),
      verifyJournal: (noted) => read(verifyJournal(sql, noted)),
      publish: writer.publish,
      commit: writer.commit,
      decide: writer.decide,
      observe: writer.observe,
      cursor,
      eventsAfter: (seq, limit) =>
        Effect.suspend(() => {
          const recent = writer.recent.after(seq, limit)
          if (recent !== null) return Effect.succeed(recent)
          return read(
            Effect.map(
              sql<EventRow>`SELECT seq, body FROM events WHERE seq > ${seq} ORDER BY seq LIMIT ${limit}`,
              (rows) => rows.map(eventOf)
            )
          )
        }),
      event: (seq) =>
        Effect.flatMap(read(sql<EventRow>`SELECT seq, body FROM events WHERE seq = ${seq}`), ([row]) =>
          row === undefined ? Effect.fail(new EventNotFound({ seq })) : Effect.succeed(eventOf(row))
        ),
      events: (page) =>
        read(
          Effect.map(
            sql<EventRow>`SELECT seq, body FROM events WHERE ${where(sql, [
              sql`seq < ${before(page)}`,
              page.type === undefined ? null : sql`type = ${page.type}`,
              page.subject === undefined ? null : sql`subject = ${page.subject}`,
              page.subject === undefined && page.type === undefined
                ? null
                : sql`seq > (SELECT max(seq) FROM events) - ${searched}`
            ])} ORDER BY seq DESC LIMIT ${page.limit}`,
            (rows) => rows.map(eventOf)
          )
        ),
      agent: (id) =>
        Effect.flatMap(read(sql<AgentRow>`SELECT * FROM agents WHERE id = ${id}`), ([row]) =>
          row === undefined ? Effect.fail(new AgentNotFound({ agent: id })) : Effect.succeed(agentOf(row))
        ),
      agentsById: (ids) =>
        read(
          Effect.map(forValues<AgentRow>(sql, "SELECT * FROM agents WHERE id IN (??)", ids), (rows) =>
            rows.map(agentOf)
          )
        ),
      roster: (subjects) =>
        Effect.suspend(() => {
          const unknown = subjects.filter((subject) => writer.agents.roster(subject) === undefined)
          const known = () => subjects.flatMap((subject) => [...(writer.agents.roster(subject)?.values() ?? [])])
          if (unknown.length === 0) return Effect.sync(known)
          const found = known()
          const loaded = writer.agents.read(unknown)
          return read(
            Effect.map(
              forValues<AgentRow>(
                sql,
                "SELECT * FROM agents WHERE subject IN (??) AND status NOT IN ('done', 'cancelled')",
                unknown
              ),
              (rows) => {
                const more = rows.map(agentOf)
                loaded(more)
                return [...found, ...more]
              }
            )
          )
        }),
      owners: (subjects) =>
        read(
          Effect.map(
            forValues<{ readonly agent: string }>(
              sql,
              "SELECT DISTINCT agent FROM pull_owners WHERE subject IN (??)",
              subjects
            ),
            (rows) => rows.map(({ agent }) => agent)
          )
        ),
      withPulls: read(
        Effect.map(
          sql<AgentRow>`SELECT * FROM agents WHERE status IN ${sql.in(liveStatuses)}
            AND id IN (SELECT agent FROM pull_owners) ORDER BY created_at`,
          (rows) => rows.map(agentOf).filter(({ pullRequest }) => pullRequest !== null)
        )
      ),
      blocked: read(
        Effect.map(
          sql<AgentRow>`SELECT * FROM agents WHERE status IN ('blocked', 'escalated') ORDER BY since`,
          (rows) => rows.map(agentOf).filter(({ blockedOn }) => blockedOn.length > 0)
        )
      ),
      ready: (limit, without) =>
        read(
          without.length === 0
            ? sql<ReadyRow>`SELECT id, role FROM agents WHERE status = 'ready' ORDER BY priority DESC, since LIMIT ${limit}`
            : sql<ReadyRow>`SELECT id, role FROM agents WHERE status = 'ready' AND role NOT IN ${sql.in(without)} ORDER BY priority DESC, since LIMIT ${limit}`
        ),
      agents: (page) =>
        read(
          Effect.map(
            sql<AgentRow>`SELECT * FROM agents WHERE ${where(sql, [
              page.status === undefined ? null : sql`status = ${page.status}`,
              page.role === undefined ? null : sql`role = ${page.role}`,
              page.live === undefined
                ? null
                : page.live
                  ? sql.in("status", liveStatuses)
                  : sql`status NOT IN ${sql.in(liveStatuses)}`
            ])} ORDER BY created_at DESC, id DESC LIMIT ${page.limit}`,
            (rows) => rows.map(agentOf)
          )
        ),
      unread: (agents, perAgent) =>
        read(
          Effect.flatMap(
            agents.length === 1
              ? sql<MessageRow>`SELECT * FROM messages WHERE agent = ${agents[0] ?? ""} AND status = 'unread' ORDER BY id LIMIT ${perAgent}`
              : forValues<MessageRow>(
                  sql,
                  "SELECT * FROM messages WHERE agent IN (??) AND status = 'unread' ORDER BY id",
                  agents
                ),
            (rows) => {
              if (agents.length === 1) return withEvents(rows)
              const taken = new Map<string, number>()
              return withEvents(
                rows.filter((row) => {
                  const n = (taken.get(row.agent) ?? 0) + 1
                  taken.set(row.agent, n)
                  return n <= perAgent
                })
              )
            }
          )
        ),
      openRuns: read(
        Effect.map(sql<AgentRow>`SELECT * FROM agents WHERE status = 'running' ORDER BY since`, (rows) =>
          rows.map((row) => openRun(agentOf(row)))
        )
      ),
      suspended: read(
        Effect.map(
          sql<{
            role: string
          }>`SELECT DISTINCT role FROM agents WHERE id IN (SELECT agent FROM timers WHERE kind IN ('quota', 'authorization'))`,
          (rows) => rows.map(({ role }) => role)
        )
      ),
      timers: (limit) =>
        read(
          Effect.map(sql<Parameters<typeof timerOf>[0]>`SELECT * FROM timers ORDER BY due_at LIMIT ${limit}`, (rows) =>
            rows.map(timerOf)
          )
        ),
      queuedActions: (limit, without) =>
        read(
          Effect.map(
            without.length === 0
              ? sql<ActionRow>`SELECT * FROM actions WHERE status = 'queued' ORDER BY id LIMIT ${limit}`
              : sql<ActionRow>`SELECT * FROM actions WHERE status = 'queued' AND subject NOT IN ${sql.in(without)} ORDER BY id LIMIT ${limit}`,
            (rows) => rows.map(actionOf)
          )
        ),
      actions: (page) =>
        read(
          Effect.map(
            sql<ActionRow>`SELECT * FROM actions WHERE ${where(sql, [
              sql`id < ${before(page)}`,
              page.agent === undefined ? null : sql`agent = ${page.agent}`,
              page.status === undefined ? null : sql.literal(ofStatus[page.status])
            ])} ORDER BY id DESC LIMIT ${page.limit}`,
            (rows) => rows.map(actionOf)
          )
        ),
      retryAction: (id, at) =>
        writer
          .decide([], (_, actions) => retryAction(id, actions.get(id), at), [id])
          .pipe(
            // only a newborn agent can clash with another, and there is none in it
            Effect.catchTag("AgentExists", Effect.die),
            Effect.flatMap(Effect.fromResult)
          ),
      counts: read(
        Effect.gen(function* () {
          const [row] = yield* sql<{
            unrouted: number
            unread: number
            set_aside: number
            queued: number
            failed: number
          }>`
          SELECT (SELECT count(*) FROM events WHERE seq > (SELECT seq FROM cursors WHERE name = 'router')) AS unrouted,
            (SELECT coalesce(sum(unread), 0) FROM agents WHERE status NOT IN ('done', 'cancelled') AND unread > 0) AS unread,
            (SELECT count(*) FROM messages WHERE status = 'set_aside') AS set_aside,
            (SELECT count(*) FROM actions WHERE status = 'queued') AS queued,
            (SELECT count(*) FROM actions WHERE status = 'failed') AS failed`
          return {
            events: writer.eventCount(),
            routed: writer.eventCount() - Number(row?.unrouted ?? 0),
            agents: Object.fromEntries(
              AgentStatuses.literals.map((status) => [status, moved.get(status) ?? 0])
            ) as Record<AgentStatus, number>,
            unread: Number(row?.unread ?? 0),
            setAside: row?.set_aside ?? 0,
            actionsQueued: row?.queued ?? 0,
            actionsFailed: row?.failed ?? 0
          }
        })
      )
    })
  })
)
