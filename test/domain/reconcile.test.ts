import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Detail } from "../../src/domain/Event.ts"
import { decideMissed, isKnownClosed, type Seen, watched } from "../../src/domain/reconcile.ts"
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
})
