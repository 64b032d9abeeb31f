import { Context, type Effect, type Scope } from "effect"
import type { ActionStatus, QueuedAction } from "../domain/Action.ts"
import type { Agent, AgentStatus } from "../domain/Agent.ts"
import type {
  ActionNotFailed,
  ActionNotFound,
  AgentExists,
  AgentNotFound,
  EventNotFound,
  StaleVersion,
  StoreUnavailable
} from "../domain/Errors.ts"
import type { Event, EventDraft, Published } from "../domain/Event.ts"
import type { JournalEntry, JournalVerdict } from "../domain/Journal.ts"
import type { Message } from "../domain/Message.ts"
import type { Run } from "../domain/Run.ts"
import type { Step } from "../domain/Step.ts"
import type { Timer } from "../domain/Timer.ts"

/** What became durable with a commit; given to whoever it concerns. */
export type Committed = {
  readonly events: ReadonlyArray<Event>
  readonly agents: ReadonlyArray<Agent>
  readonly journal: ReadonlyArray<JournalEntry>
  /** Whether actions were queued, or what became of them was noted. */
  readonly actions: boolean
  /** Whether timers were set or dropped. */
  readonly timers: boolean
}

/** What may be asked of lists: the newest first, `before` this id, at most `limit`. */
export type Page = { readonly limit: number; readonly before?: number | undefined }

/** Counts for `status` and readiness. */
export type Counts = {
  readonly events: number
  /** How many of them are routed. */
  readonly routed: number
  readonly agents: { readonly [Status in AgentStatus]: number }
  readonly unread: number
  readonly setAside: number
  readonly actionsQueued: number
  readonly actionsFailed: number
}

/**
 * The durable state. Every change goes through `publish` or `commit`; both answer only after it is on disk, and
 * concurrent callers share one transaction. Reads see what is committed.
 */
export class Store extends Context.Service<
  Store,
  {
    /** Stores a new event, or finds the one with its key. */
    publish(event: EventDraft): Effect.Effect<Published, StoreUnavailable>
    /** Makes the whole step durable, or nothing of it. */
    commit(step: Step): Effect.Effect<void, StaleVersion | AgentExists | StoreUnavailable>
    /**
     * Decides inside the writer's transaction, on agents as they are there, so that the decision is never stale.
     * `decide` must be pure: it may run more than once. Its value is returned once the step is durable.
     */
    decide<A>(
      agents: ReadonlyArray<string>,
      decide: (current: ReadonlyMap<string, Agent>) => { readonly step: Step; readonly value: A }
    ): Effect.Effect<A, AgentExists | StoreUnavailable>
    /**
     * Calls `listener` after each transaction, in order, until the scope closes. It must only hand over: it runs in the
     * writer's fiber. Journal lines are given only where some observer asks for them, since their ids cost a little.
     */
    observe(
      listener: (committed: Committed) => void,
      options?: { readonly journal: boolean }
    ): Effect.Effect<void, never, Scope.Scope>

    /** The number of the last routed event. */
    readonly cursor: Effect.Effect<number>
    /** Events after this number, in order, at most `limit`. */
    eventsAfter(seq: number, limit: number): Effect.Effect<ReadonlyArray<Event>>
    event(seq: number): Effect.Effect<Event, EventNotFound>
    /** With a `type` or `subject`, among the newest 100,000. */
    events(
      page: Page & { readonly type?: string | undefined; readonly subject?: string | undefined }
    ): Effect.Effect<ReadonlyArray<Event>>

    agent(id: string): Effect.Effect<Agent, AgentNotFound>
    /** Those of the given ids that exist. */
    agentsById(ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Agent>>
    /** Live agents on, or blocked on, any of these subject keys. */
    roster(subjects: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Agent>>
    /** The agents whose work these are: pull requests by subject key, branches by `branchKey`; also agents that have ended. */
    owners(keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>>
    /** All live agents that have a pull request. */
    readonly withPulls: Effect.Effect<ReadonlyArray<Agent>>
    /** All agents that go on when other subjects close, blocked or escalated, longest first. */
    readonly blocked: Effect.Effect<ReadonlyArray<Agent>>
    /** Ready agents, highest priority first, then longest waiting. Not of the given roles, which are at their limit. */
    ready(limit: number, without: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Pick<Agent, "id" | "role">>>
    agents(page: {
      readonly limit: number
      readonly status?: AgentStatus | undefined
      readonly role?: string | undefined
      readonly live?: boolean | undefined
    }): Effect.Effect<ReadonlyArray<Agent>>

    /** Unread messages of these agents, each agent's in order; at most `perAgent` of each. */
    unread(agents: ReadonlyArray<string>, perAgent: number): Effect.Effect<ReadonlyArray<Message>>
    /** An agent's messages of every status, newest first. */
    inbox(agent: string, page: Page): Effect.Effect<ReadonlyArray<Message>>

    /** An agent's runs, newest first, at most 100; the open one with what is known at its start. */
    runs(agent: string): Effect.Effect<ReadonlyArray<Run>>
    /** Runs without an end: at start, those that a crash cut off. */
    readonly openRuns: Effect.Effect<ReadonlyArray<Run>>

    /** Roles that may not start: one of their agents waits for its account's quota, or for authorization. */
    readonly suspended: Effect.Effect<ReadonlyArray<string>>
    /** The timers that are due first, at most `limit`. */
    timers(limit: number): Effect.Effect<ReadonlyArray<Timer>>

    /** Queued actions in order of `id`, at most `limit`, without those of the given subjects (which are under way). */
    queuedActions(limit: number, without: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<QueuedAction>>
    actions(
      page: Page & { readonly agent?: string | undefined; readonly status?: ActionStatus | undefined }
    ): Effect.Effect<ReadonlyArray<QueuedAction>>
    /**
     * Queues an action again that failed for good, with its key and its number, and writes that into the journal; of
     * many who ask at the same time one succeeds. `at` in milliseconds since 1970.
     */
    retryAction(
      id: number,
      at: number
    ): Effect.Effect<QueuedAction, ActionNotFound | ActionNotFailed | StoreUnavailable>

    journal(
      page: Page & { readonly agent?: string | undefined; readonly event?: number | undefined }
    ): Effect.Effect<ReadonlyArray<JournalEntry>>
    /**
     * Looks through the whole journal, a few lines at a time: whether each line is as it was written, where not, and
     * whether `noted`, a head from an earlier look or null, is a seal of it.
     */
    verifyJournal(noted: string | null): Effect.Effect<JournalVerdict>
    readonly counts: Effect.Effect<Counts>
  }
>()("squadron/services/Store") {}
