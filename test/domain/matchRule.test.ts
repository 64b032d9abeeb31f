import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import type { Detail, Event } from "../../src/domain/Event.ts"
import { branchOf, matchRule } from "../../src/domain/matchRule.ts"
import { Rule } from "../../src/domain/Role.ts"
import * as Subject from "../../src/domain/Subject.ts"

const issue = { title: "", body: "", state: "open" as const, author: "ada", labels: ["bug", "ui"], assignees: [] }
const opened: Detail = { _tag: "issue.opened", issue }

const event = (detail: Detail, options: Partial<Event> = {}): Event => ({
  seq: 1,
  key: "k",
  source: "local",
  at: 0,
  actor: { login: "ada", kind: "person" },
  subject: Subject.issue("acme/widgets", 1),
  causedBy: null,
  depth: 0,
  detail,
  ...options
})

const push = (ref: string): Detail => ({
  _tag: "push",
  ref,
  before: "",
  after: "",
  forced: false,
  deleted: false,
  commits: []
})
const matches = (rule: Rule, detail: Detail = opened, options: Partial<Event> = {}) =>
  matchRule(rule, event(detail, options)).matched

describe("matchRule", () => {
  it("event: takes its own type only", () => {
    assert.isTrue(matches({ event: "issue.opened" }))
    assert.isFalse(matches({ event: "issue.closed" }))
  })

  it("name: takes the custom event of this name only", () => {
    const custom = (name: string): Detail => ({ _tag: "custom", name, payload: null })
    assert.isTrue(matches({ event: "custom", name: "build.failed" }, custom("build.failed")))
    assert.isFalse(matches({ event: "custom", name: "build.failed" }, custom("build")))
    assert.isTrue(matches({ event: "custom" }, custom("build")))
    assert.isFalse(matches({ event: "issue.opened", name: "build" }))
  })

  it("labels: wants all of them", () => {
    assert.isTrue(matches({ event: "issue.opened", labels: ["bug", "ui"] }))
    assert.isTrue(matches({ event: "issue.opened", labels: [] }))
    assert.isFalse(matches({ event: "issue.opened", labels: ["bug", "docs"] }))
    assert.isFalse(matches({ event: "push", labels: ["bug"] }, push("refs/heads/main")))
  })

  it("unlessLabels: wants none of them", () => {
    assert.isTrue(matches({ event: "issue.opened", unlessLabels: ["docs"] }))
    assert.isFalse(matches({ event: "issue.opened", unlessLabels: ["docs", "ui"] }))
  })

  it("label: wants this one to be the one that changed", () => {
    const labeled = (label: string): Detail => ({ _tag: "issue.labeled", issue, label })
    assert.isTrue(matches({ event: "issue.labeled", label: "bug" }, labeled("bug")))
    assert.isFalse(matches({ event: "issue.labeled", label: "bug" }, labeled("ui")))
    assert.isFalse(matches({ event: "issue.opened", label: "bug" }))
  })

  it("repositories: wants one of them", () => {
    assert.isTrue(matches({ event: "issue.opened", repositories: ["acme/other", "acme/widgets"] }))
    assert.isFalse(matches({ event: "issue.opened", repositories: ["acme/other"] }))
  })

  it("from: tells people, bots and agents apart, and anyone is anyone", () => {
    for (const kind of ["person", "bot", "agent"] as const) {
      for (const from of ["person", "bot", "agent"] as const) {
        assert.strictEqual(
          matches({ event: "issue.opened", from }, opened, { actor: { login: "x", kind } }),
          from === kind
        )
      }
    }
    assert.isTrue(matches({ event: "issue.opened", from: "anyone" }, opened, { actor: { login: "x", kind: "system" } }))
  })

  it("branch: matches pushes without refs/heads, pull requests by their head, and nothing else", () => {
    assert.isTrue(matches({ event: "push", branch: "main" }, push("refs/heads/main")))
    assert.isFalse(matches({ event: "push", branch: "main" }, push("refs/tags/main")))
    assert.isFalse(matches({ event: "issue.opened", branch: "*" }))
    const pullRequest = {
      title: "",
      body: "",
      state: "open" as const,
      author: "ada",
      labels: [],
      draft: false,
      merged: false,
      head: { ref: "fix/7", sha: "" },
      base: { ref: "main", sha: "" }
    }
    assert.strictEqual(branchOf(event({ _tag: "pull_request.opened", pullRequest })), "fix/7")
    assert.isTrue(
      matches({ event: "pull_request.opened", branch: "fix/*" }, { _tag: "pull_request.opened", pullRequest })
    )
  })

  it("says why not, in each case", () => {
    const why = (rule: Rule) => matchRule(rule, event(opened)).why
    assert.match(why({ event: "push" }), /push/)
    assert.match(why({ event: "issue.opened", labels: ["docs"] }), /wants the label docs/)
    assert.match(why({ event: "issue.opened", unlessLabels: ["ui"] }), /because of the label ui/)
    assert.match(why({ event: "issue.opened", from: "bot" }), /person ada/)
  })

  const Piece = Schema.Literals(["*", "**", "a", "b", "ab", "/", ".", "main", "+", "("])
  const Text = Schema.Literals(["a", "b", "ab", "/", ".", "main", "x", "+", "("])
  it.prop(
    "a branch with stars matches what the same regular expression does",
    [
      Arbitrary.array(Arbitrary.schema(Piece), { minLength: 1, maxLength: 5 }),
      Arbitrary.array(Arbitrary.schema(Text), { minLength: 1, maxLength: 5 })
    ],
    ([pieces, text]) => {
      const branch = pieces.join("")
      const escaped = branch.replaceAll(/[.+(/]/g, String.raw`\$&`).replaceAll("*", ".*")
      const name = text.join("")
      assert.strictEqual(
        matches({ event: "push", branch }, push(`refs/heads/${name}`)),
        new RegExp(`^${escaped}$`).test(name)
      )
    },
    { arbitrary: { size: 40, runs: 1000 } }
  )

  it.prop(
    "takes nothing more where more is asked for",
    [Rule],
    ([rule]) => {
      const plain = matchRule({ event: "issue.opened" }, event(opened)).matched
      assert.isTrue(plain || !matchRule({ ...rule, event: "issue.opened" }, event(opened)).matched)
      assert.isFalse(matchRule({ ...rule, event: "push" }, event(opened)).matched)
    },
    { arbitrary: { size: 12, runs: 100 } }
  )
})
