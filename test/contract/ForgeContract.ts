import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer } from "effect"
import type { Action, ActionDraft } from "../../src/domain/Action.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Forge } from "../../src/services/Forge.ts"
import { pullSuite, type Stage } from "./PullRequestContract.ts"

const repository = "acme/app"
const agent = "coder-1-e1"

/** An action of one agent on issue `number`, or on the repository for 0. */
export const draft = (key: string, number: number, action: Action): ActionDraft => ({
  key,
  subject: number === 0 ? Subject.repository(repository) : Subject.issue(repository, number),
  agent,
  depth: 1,
  action
})

const titled = (title: string, labels: ReadonlyArray<string> = []): Action => ({
  _tag: "open_issue",
  title,
  body: `about ${title}`,
  labels
})

const openOne = Effect.fnUntraced(function* (key: string, action: Action = titled(key)) {
  const forge = yield* Forge
  const { issue } = yield* forge.perform(draft(key, 0, action))
  assert(issue !== undefined, "open_issue names the issue that it opened")
  return issue
})

/**
 * What every forge promises. `layer` gives an empty one each time that it is built; with a `stage` it has git too, and
 * is held to what it promises of branches and pull requests.
 */
export const suite = <E, R = never>(name: string, layer: Layer.Layer<Forge | R, E>, stage?: Stage<R>) => {
  if (stage !== undefined) pullSuite(name, layer, stage)
  describe(name, () => {
    it.effect("opens an issue with the next number and shows it as it was asked for", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const first = yield* openOne("one", titled("one", ["bug", "ui"]))
        const second = yield* openOne("two")
        assert.isAbove(second, first)
        const issue = yield* forge.issue(repository, first)
        assert.deepInclude(issue, { repository, number: first, title: "one", body: "about one", state: "open" })
        // One account may write for all agents, so the author's name does not tell.
        assert.deepStrictEqual([issue.agent, issue.labels, issue.assignees], [agent, ["bug", "ui"], []])
        assert.deepStrictEqual([issue.comments, issue.editor, issue.pullRequest], [0, null, false])
      }).pipe(Effect.provide(layer))
    )

    it.effect("performs an action once for its key, and gives the first result again", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const number = yield* openOne("one")
        const action = draft("say", number, { _tag: "comment", body: "hello" })
        const first = yield* forge.perform(action)
        assert.isDefined(first.comment)
        assert.deepStrictEqual(yield* forge.perform(action), first)
        const other = draft("say", number, { _tag: "comment", body: "another text, the same key" })
        assert.deepStrictEqual(yield* forge.perform(other), first)
        const bodies = (yield* forge.comments(repository, number)).map(({ body }) => body)
        assert.deepStrictEqual(bodies, ["hello"])
        assert.strictEqual((yield* forge.issue(repository, number)).comments, 1)
      }).pipe(Effect.provide(layer))
    )

    it.effect("performs it once also when it comes 20 times at once", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const opens = yield* Effect.all(
          Array.from({ length: 20 }, () => forge.perform(draft("open", 0, titled("one")))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(opens.map(({ issue }) => issue)).size, 1)
        const all = yield* forge.issues({ limit: 100 })
        assert.strictEqual(all.length, 1)
        const number = all[0]?.number ?? 0
        const says = yield* Effect.all(
          Array.from({ length: 20 }, () => forge.perform(draft("say", number, { _tag: "comment", body: "hello" }))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(says.map(({ comment }) => comment)).size, 1)
        assert.strictEqual((yield* forge.comments(repository, number)).length, 1)
      }).pipe(Effect.provide(layer))
    )

    it.effect("performs an action again by a new key", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const number = yield* openOne("one")
        const say = (key: string) => forge.perform(draft(key, number, { _tag: "comment", body: "hello" }))
        const results = [yield* say("a"), yield* say("b")]
        assert.strictEqual(new Set(results.map(({ comment }) => comment)).size, 2)
        assert.strictEqual((yield* forge.comments(repository, number)).length, 2)
      }).pipe(Effect.provide(layer))
    )

    it.effect("lists comments oldest first, and issues newest first and within the limit", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const numbers = yield* Effect.forEach(["one", "two", "three"], (title) => openOne(title))
        const first = numbers[0] ?? 0
        for (const body of ["a", "b", "c"]) yield* forge.perform(draft(body, first, { _tag: "comment", body }))
        const comments = yield* forge.comments(repository, first)
        assert.deepStrictEqual(
          comments.map((comment) => [comment.agent, comment.body]),
          ["a", "b", "c"].map((body) => [agent, body])
        )
        const newest = numbers.toReversed()
        const listed = (limit: number) =>
          Effect.map(forge.issues({ repository, limit }), (issues) => issues.map(({ number }) => number))
        assert.deepStrictEqual(yield* listed(10), newest)
        assert.deepStrictEqual(yield* listed(2), newest.slice(0, 2))
      }).pipe(Effect.provide(layer))
    )

    it.effect("lists issues of one state only, and of one repository only", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const shut = yield* openOne("one")
        const left = yield* openOne("two")
        yield* forge.perform(draft("close", shut, { _tag: "close_issue", reason: "completed" }))
        const listed = (state: "open" | "closed") =>
          Effect.map(forge.issues({ repository, state, limit: 10 }), (all) => all.map(({ number }) => number))
        assert.deepStrictEqual(yield* listed("open"), [left])
        assert.deepStrictEqual(yield* listed("closed"), [shut])
        assert.deepStrictEqual(yield* forge.issues({ repository: "acme/other", limit: 10 }), [])
      }).pipe(Effect.provide(layer))
    )

    it.effect("adds and removes labels, each once, and keeps the others", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const number = yield* openOne("one", titled("one", ["bug"]))
        const labels = Effect.map(forge.issue(repository, number), (issue) => issue.labels)
        yield* forge.perform(draft("add", number, { _tag: "add_labels", labels: ["bug", "ui", "ui"] }))
        assert.deepStrictEqual(yield* labels, ["bug", "ui"])
        yield* forge.perform(draft("remove", number, { _tag: "remove_labels", labels: ["bug", "never there"] }))
        assert.deepStrictEqual(yield* labels, ["ui"])
      }).pipe(Effect.provide(layer))
    )

    it.effect("assigns further people and keeps the others", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const number = yield* openOne("one")
        yield* forge.perform(draft("a", number, { _tag: "assign", assignees: ["mona"] }))
        yield* forge.perform(draft("b", number, { _tag: "assign", assignees: ["hubot", "mona"] }))
        assert.deepStrictEqual((yield* forge.issue(repository, number)).assignees, ["mona", "hubot"])
      }).pipe(Effect.provide(layer))
    )

    it.effect("closes and reopens, also what is closed or open already", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const number = yield* openOne("one")
        const state = Effect.map(forge.issue(repository, number), (issue) => issue.state)
        for (const key of ["close", "close again"]) {
          yield* forge.perform(draft(key, number, { _tag: "close_issue", reason: "not_planned" }))
          assert.strictEqual(yield* state, "closed")
        }
        for (const key of ["reopen", "reopen again"]) {
          yield* forge.perform(draft(key, number, { _tag: "reopen_issue" }))
          assert.strictEqual(yield* state, "open")
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("says which issue is not there", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        yield* openOne("one")
        const reads = [Effect.asVoid(forge.issue(repository, 99)), Effect.asVoid(forge.comments(repository, 99))]
        for (const read of reads) {
          const error = yield* Effect.flip(read)
          assert.deepInclude(error, { _tag: "IssueNotFound", issue: "acme/app#99" })
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("refuses every action on an issue that is not there, for good and with its name", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const actions: ReadonlyArray<Action> = [
          { _tag: "comment", body: "hello" },
          { _tag: "add_labels", labels: ["bug"] },
          { _tag: "remove_labels", labels: ["bug"] },
          { _tag: "assign", assignees: ["mona"] },
          { _tag: "close_issue", reason: "completed" },
          { _tag: "reopen_issue" }
        ]
        for (const action of actions) {
          const error = yield* Effect.flip(forge.perform(draft(action._tag, 99, action)))
          assert.strictEqual(error._tag, "ForgeError")
          assert.isFalse(error.retryable)
          assert.include(error.message, "no issue acme/app#99")
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("performs an action that was refused when it comes again and is possible", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const say = draft("say", 1, { _tag: "comment", body: "hello" })
        yield* Effect.flip(forge.perform(say))
        assert.strictEqual(yield* openOne("one"), 1)
        yield* forge.perform(say)
        assert.strictEqual((yield* forge.comments(repository, 1)).length, 1)
      }).pipe(Effect.provide(layer))
    )
  })
}
