import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Action, ActionDraft, ActionResult, QueuedAction, RequestedAction } from "../../src/domain/Action.ts"
import { Agent, Counters } from "../../src/domain/Agent.ts"
import { Detail, Event, EventDraft, eventTypes, Published } from "../../src/domain/Event.ts"
import { AgentExplanation, EventExplanation, Status } from "../../src/domain/Explanation.ts"
import { JournalDraft, JournalEntry } from "../../src/domain/Journal.ts"
import { Message, MessageDraft } from "../../src/domain/Message.ts"
import { Outcome, ReportedOutcome } from "../../src/domain/Outcome.ts"
import { HarnessSpec, Limits, Policy, Role, Rule, Squad } from "../../src/domain/Role.ts"
import { Run } from "../../src/domain/Run.ts"
import { Subject } from "../../src/domain/Subject.ts"
import { Timer } from "../../src/domain/Timer.ts"

const schemas = {
  Action,
  ActionDraft,
  ActionResult,
  Agent,
  AgentExplanation,
  Counters,
  Detail,
  Event,
  EventDraft,
  EventExplanation,
  HarnessSpec,
  JournalDraft,
  JournalEntry,
  Limits,
  Message,
  MessageDraft,
  Outcome,
  Policy,
  Published,
  QueuedAction,
  ReportedOutcome,
  RequestedAction,
  Role,
  Rule,
  Run,
  Squad,
  Status,
  Subject,
  Timer
}

/** JSON knows one zero only. */
const oneZero = (value: unknown): unknown =>
  value === 0
    ? 0
    : Array.isArray(value)
      ? value.map(oneZero)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, of]) => [key, oneZero(of)]))
        : value

describe("codecs", () => {
  for (const [name, schema] of Object.entries(schemas) as Array<[string, Schema.Codec<object, unknown>]>) {
    const text = Schema.fromJsonString(Schema.toCodecJson(schema))
    it.prop(
      `${name} comes back from JSON as it went`,
      [schema],
      ([value]) => {
        const json = Schema.encodeSync(text)(value)
        assert.deepStrictEqual(Schema.decodeSync(text)(json), oneZero(value))
        // the store writes rows as plain JSON, so the two must not differ
        assert.deepStrictEqual(Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(value))), oneZero(value))
      },
      { arbitrary: { size: 6, runs: 40 }, timeout: 30_000 }
    )
  }

  it("every event type is one of Detail's tags", () => {
    for (const type of eventTypes) assert.isDefined(Detail.cases[type])
    assert.strictEqual(new Set(eventTypes).size, eventTypes.length)
  })

  it("what was not declared is refused", () => {
    const refused = (schema: Schema.Codec<object, unknown>, value: unknown) =>
      assert.throws(() => Schema.decodeUnknownSync(schema)(value))
    refused(Detail, { _tag: "issue.exploded", issue: {} })
    refused(Outcome, { _tag: "Unknown" })
    refused(Action, { _tag: "comment", body: "" })
    refused(Action, { _tag: "add_labels", labels: [] })
    refused(Subject, { repository: "widgets", kind: "issue", number: 1 })
    refused(Subject, { repository: "acme/widgets", kind: "issue", number: -1 })
    refused(Policy, { retries: 3 })
  })
})
