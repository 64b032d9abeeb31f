import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Detail } from "../../src/domain/Event.ts"
import {
  births,
  type Change,
  decideHandedOver,
  decideMissed,
  decideReopened,
  isKnownClosed,
  type OpenIssue,
  type Seen,
  watched
} from "../../src/domain/reconcile.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { someAgent } from "../support/someAgent.ts"

const repository = "acme/app"

const issue = (state: "open" | "closed") => ({ title: "", body: "", state, author: "a", labels: [], assignees: [] })
const pull = (state: "open" | "closed") => ({
  ...issue(state),
  draft: false,
  merged: false,
  head: { ref: "work", sha: "a" },
  base: { ref: "main", sha: "b" }
})

const seen = (number: number, kind: "issue" | "pull_request", state: "open" | "closed"): Seen =>
  kind === "issue"
    ? { kind, number, updatedAt: 7, snapshot: issue(state) }
    : { kind, number, updatedAt: 7, snapshot: pull(state) }

describe("reconcile", () => {
  it.effect.prop(
    "publishes what is taken for open and was seen closed, and nothing else",
    [
      Schema.Array(Schema.Literals([1, 2, 3, 4])),
      Schema.UniqueArray(Schema.Literals([1, 2, 3, 4])),
      Schema.Array(Schema.Literals([1, 2, 3]))
    ],
    ([open, read, closed]) =>
      Effect.sync(() => {
        const all = read.map((number) =>
          seen(
            number,
            number % 2 === 0 ? "pull_request" : "issue",
            closed.some((one) => one === number) ? "closed" : "open"
          )
        )
        const drafts = decideMissed(repository, new Set(open), all, 1000)
        const expected = read.filter((number) => open.includes(number) && closed.some((one) => one === number))
        assert.deepStrictEqual(
          drafts.map(({ subject }) => subject.number),
          expected
        )
        for (const { at, detail, key, subject } of drafts) {
          assert.strictEqual(key, `reconcile/acme/app#${subject.number}/closed/7`)
          assert.strictEqual(at, 1000)
          assert.strictEqual(detail._tag, subject.number % 2 === 0 ? "pull_request.closed" : "issue.closed")
        }
      })
  )

  it("watches subjects, pull requests and blockers of agents at work", () => {
    const of = { id: "a", role: "r", status: "blocked", version: 1 } as const
    const found = watched([
      someAgent({
        ...of,
        subject: Subject.issue(repository, 1),
        pullRequest: 5,
        blockedOn: ["acme/app#2", "other/lib#3"]
      }),
      someAgent({ ...of, subject: Subject.repository("acme/none") })
    ])
    assert.deepStrictEqual(
      [...found].map(([name, numbers]) => [name, [...numbers]]),
      [
        [repository, [1, 5, 2]],
        ["other/lib", [3]]
      ]
    )
  })

  it("believes the newest event that tells of the state", () => {
    const of = (...details: ReadonlyArray<Detail>) => isKnownClosed(details.map((detail) => ({ detail })))
    const other: Detail = { _tag: "other", name: "x", action: "" }
    const opened: Detail = { _tag: "issue.reopened", issue: issue("open") }
    const closed: Detail = { _tag: "issue.closed", issue: issue("closed") }
    assert.isFalse(of())
    assert.isFalse(of(other))
    assert.isTrue(of(other, closed, opened))
    assert.isFalse(of(opened, closed))
    assert.isTrue(of({ _tag: "pull_request.closed", pullRequest: pull("closed") }))
  })

  const person = { login: "octocat", kind: "person" } as const
  const given = (at: number, more: Partial<Change> = {}): Change => ({
    id: at,
    at,
    by: person,
    what: { _tag: "assigned", assignee: "mona" },
    ...more
  })
  const open = (more: Partial<OpenIssue> = {}): OpenIssue => ({
    repository,
    seen: { kind: "issue", number: 7, updatedAt: 7, snapshot: { ...issue("open"), assignees: ["Mona"] } },
    history: [given(500_000)],
    events: [],
    ...more
  })
  const known = (at: number, assignee = "mona") => ({
    at,
    detail: { _tag: "issue.assigned", issue: issue("open"), assignee } as const
  })

  it("a handover is news where a person gave it after the birth, it stands, and no event told of it", () => {
    const keys = (one: OpenIssue, bornAt = 100_000) => decideHandedOver(one, bornAt, 1000).map(({ key }) => key)
    assert.deepStrictEqual(keys(open()), ["reconcile/acme/app#7/assigned/500000"])
    // the last time that it was given counts
    assert.deepStrictEqual(keys(open({ history: [given(50_000), given(500_000), given(600_000)] })), [
      "reconcile/acme/app#7/assigned/600000"
    ])
    assert.deepStrictEqual(keys(open(), 500_000), [])
    assert.deepStrictEqual(keys(open({ history: [] })), [])
    assert.deepStrictEqual(keys(open({ history: [given(500_000, { by: { login: "b", kind: "bot" } })] })), [])
    assert.deepStrictEqual(keys(open({ history: [given(500_000, { what: { _tag: "reopened" } })] })), [])
    const seen = { kind: "issue", number: 7, updatedAt: 7 } as const
    assert.deepStrictEqual(keys(open({ seen: { ...seen, snapshot: issue("open") } })), [])
    assert.deepStrictEqual(keys(open({ seen: { ...seen, snapshot: { ...issue("closed"), assignees: ["mona"] } } })), [])
    assert.deepStrictEqual(keys(open({ events: [known(500_500)] })), [])
    // a little before, by another clock
    assert.deepStrictEqual(keys(open({ events: [known(450_000)] })), [])
    assert.strictEqual(keys(open({ events: [known(300_000)] })).length, 1)
    assert.strictEqual(keys(open({ events: [known(500_500, "ada")] })).length, 1)
  })

  it("an opening again is news where the store takes it for closed and the history tells of it", () => {
    const closed = { at: 1, detail: { _tag: "issue.closed", issue: issue("closed") } as const }
    const again = given(9, { what: { _tag: "reopened" } })
    const keys = (more: Partial<OpenIssue>) => decideReopened(open(more), 1000).map(({ key }) => key)
    assert.deepStrictEqual(keys({ history: [again], events: [closed] }), ["reconcile/acme/app#7/reopened/9"])
    assert.deepStrictEqual(keys({ history: [again], events: [] }), [])
    assert.deepStrictEqual(keys({ history: [again], events: [known(5), closed] }), [])
    assert.deepStrictEqual(keys({ events: [closed] }), [])
  })

  it("knows when the newest agent on each subject was born", () => {
    const of = { role: "r", status: "sleeping", version: 1, subject: Subject.issue(repository, 1) } as const
    const found = births([
      someAgent({ ...of, id: "a", createdAt: 5 }),
      someAgent({ ...of, id: "b", createdAt: 9 }),
      someAgent({ ...of, id: "c", createdAt: 7, subject: Subject.issue(repository, 2) })
    ])
    assert.deepStrictEqual(
      [...found],
      [
        ["acme/app#1", 9],
        ["acme/app#2", 7]
      ]
    )
  })
})
