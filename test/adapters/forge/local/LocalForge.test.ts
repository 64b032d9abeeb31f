import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import type { ForgeError } from "../../../../src/domain/Errors.ts"
import type { EventDraft } from "../../../../src/domain/Event.ts"
import * as Subject from "../../../../src/domain/Subject.ts"
import { draft, suite } from "../../../contract/ForgeContract.ts"
import { TestSqlWriter } from "../../../support/TestSqlWriter.ts"
import { database } from "./OnGit.ts"
import { Change, ForgeModel, type Happened } from "./ForgeModel.ts"

const layer = LocalForge.layer({ people: { hubot: "read" } }).pipe(Layer.provideMerge(database))

suite("LocalForge as a Forge", Layer.provide(LocalForge.layerForge, layer))

const repository = "acme/app"
const mona = { author: "mona" }
const one = { repository, number: 1, ...mona }

const events = Effect.flatMap(TestSqlWriter, (writer) => Ref.get(writer.events))
/** The events that `effect` appends. */
const appended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = (yield* events).length
    yield* effect
    return (yield* events).slice(before)
  })

const open = LocalForge.use((forge) => forge.open({ repository, title: "one", body: "body", labels: ["bug"], ...mona }))
const opened = {
  title: "one",
  body: "body",
  state: "open",
  author: "mona",
  labels: ["bug"],
  assignees: []
} as const
/** The same as an event tells it. */
const told = { ...opened, trust: "admin" } as const

const about = ({ detail }: EventDraft): string => {
  switch (detail._tag) {
    case "issue.labeled":
    case "issue.unlabeled":
      return detail.label
    case "issue.assigned":
      return detail.assignee
    case "comment.created":
      return detail.comment.body
    default:
      return ""
  }
}
const happened = (event: EventDraft): Happened => [
  event.detail._tag,
  event.subject.number,
  event.actor.login,
  about(event)
]

describe("LocalForge", () => {
  it.effect("tells of an issue that a person opened, whole and attributed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5_000)
      const issue = yield* open
      assert.deepStrictEqual(issue, {
        repository,
        number: 1,
        ...opened,
        createdAt: 5_000,
        editor: null,
        editedAt: null,
        updatedAt: 5_000,
        comments: 0,
        pullRequest: false
      })
      assert.deepStrictEqual(yield* events, [
        {
          key: "local:acme/app#1:1",
          source: "local",
          at: 5_000,
          actor: { login: "mona", kind: "person", trust: "admin" },
          subject: Subject.issue(repository, 1),
          causedBy: null,
          depth: 0,
          detail: { _tag: "issue.opened", issue: told }
        }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("attributes an agent's action to the agent, and one without an agent to Squadron", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const say = draft("say", 1, { _tag: "comment", body: "done" })
      const [byAgent] = yield* appended(forge.perform({ ...say, depth: 3 }))
      assert.deepInclude(byAgent, {
        actor: { login: "coder-1-e1", kind: "agent", trust: "write" },
        causedBy: "coder-1-e1",
        depth: 3
      })
      assert.deepStrictEqual(byAgent?.detail, {
        _tag: "comment.created",
        comment: { id: 1, body: "done", author: "coder-1-e1", association: "NONE" },
        title: "one",
        labels: ["bug"]
      })
      const [bySquadron] = yield* appended(forge.perform({ ...say, key: "welcome", agent: null, depth: 1 }))
      assert.deepInclude(bySquadron, {
        actor: { login: "squadron", kind: "system", trust: "admin" },
        causedBy: null,
        depth: 1
      })
      const authors = (yield* forge.comments(repository, 1)).map(({ agent, author }) => [author, agent])
      assert.deepStrictEqual(authors, [
        ["coder-1-e1", "coder-1-e1"],
        ["squadron", "squadron"]
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives a person's comment the standing of the owner", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const [event] = yield* appended(forge.comment({ ...one, body: "please" }))
      assert.strictEqual(event?.detail._tag === "comment.created" && event.detail.comment.association, "OWNER")
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells of each label that really changed, with all labels as they are after the change", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const labeled = yield* appended(forge.label({ ...one, add: ["bug", "ui", "docs"], remove: ["old"] }))
      const issue = { ...told, labels: ["bug", "ui", "docs"] }
      assert.deepStrictEqual(
        labeled.map(({ detail, key }) => [key, detail]),
        [
          ["local:acme/app#1:2", { _tag: "issue.labeled", issue, label: "ui" }],
          ["local:acme/app#1:3", { _tag: "issue.labeled", issue, label: "docs" }]
        ]
      )
      const swapped = yield* appended(forge.label({ ...one, add: ["ready"], remove: ["ui"] }))
      assert.deepStrictEqual(swapped.map(happened), [
        ["issue.labeled", 1, "mona", "ready"],
        ["issue.unlabeled", 1, "mona", "ui"]
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells of closing, reopening, editing and assigning with the issue as it is after it", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const changed = yield* appended(
        Effect.all([
          forge.close({ ...one, reason: "completed" }),
          forge.reopen(one),
          forge.edit({ ...one, title: "uno" }),
          forge.edit({ ...one, body: "cuerpo" }),
          forge.assign({ ...one, assignees: ["hubot", "mona"] })
        ])
      )
      const edited = { ...told, title: "uno", body: "cuerpo" }
      const issue = { ...edited, assignees: ["hubot", "mona"] }
      assert.deepStrictEqual(
        changed.map(({ detail }) => detail),
        [
          { _tag: "issue.closed", issue: { ...told, state: "closed" } },
          { _tag: "issue.reopened", issue: told },
          { _tag: "issue.edited", issue: { ...told, title: "uno" } },
          { _tag: "issue.edited", issue: edited },
          { _tag: "issue.assigned", issue, assignee: "hubot" },
          { _tag: "issue.assigned", issue, assignee: "mona" }
        ]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells nothing, and notes no update, when nothing changed", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      yield* forge.assign({ ...one, assignees: ["mona"] })
      const before = yield* forge.issue(repository, 1)
      yield* TestClock.adjust("1 minute")
      const silent = yield* appended(
        Effect.all([
          forge.reopen(one),
          forge.label({ ...one, add: ["bug"], remove: ["never there"] }),
          forge.label({ ...one, add: [], remove: [] }),
          forge.assign({ ...one, assignees: ["mona"] }),
          forge.edit({ ...one, title: "one", body: "body" }),
          forge.edit(one),
          forge.perform(draft("again", 1, { _tag: "add_labels", labels: ["bug"] }))
        ])
      )
      assert.deepStrictEqual(silent, [])
      assert.deepStrictEqual(yield* forge.issue(repository, 1), before)
      yield* forge.close({ ...one, reason: "completed" })
      assert.deepStrictEqual(yield* appended(forge.close({ ...one, reason: "not_planned" })), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells nothing of an action that was done before", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const close = draft("close", 1, { _tag: "close_issue", reason: "completed" })
      assert.strictEqual((yield* appended(forge.perform(close))).length, 1)
      yield* forge.reopen(one)
      assert.deepStrictEqual(yield* appended(forge.perform(close)), [])
      assert.strictEqual((yield* forge.issue(repository, 1)).state, "open")
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves no issue, no event and no mark of a change whose commit failed", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const writer = yield* TestSqlWriter
      const action = draft("open", 0, { _tag: "open_issue", title: "one", body: "", labels: [] })
      yield* Ref.set(writer.failNext, true)
      const error = yield* Effect.flip(forge.perform(action))
      assert.deepInclude(error, { _tag: "ForgeError", retryable: true })
      assert.deepStrictEqual(yield* forge.issues({ limit: 10 }), [])
      assert.deepStrictEqual(yield* events, [])
      assert.deepStrictEqual(yield* forge.perform(action), { issue: 1 })
      assert.strictEqual((yield* events).length, 1)

      yield* Ref.set(writer.failNext, true)
      const refused = yield* Effect.flip(forge.comment({ ...one, body: "hello" }))
      assert.strictEqual(refused._tag, "StoreUnavailable")
      assert.deepStrictEqual(yield* forge.comments(repository, 1), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("notes when an issue was last changed or commented on", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { createdAt } = yield* open
      const updated = Effect.map(forge.issue(repository, 1), (issue) => [issue.createdAt, issue.updatedAt])
      yield* TestClock.adjust(1_000)
      yield* forge.close({ ...one, reason: "completed" })
      assert.deepStrictEqual(yield* updated, [createdAt, createdAt + 1_000])
      yield* TestClock.adjust(1_000)
      const { createdAt: said } = yield* forge.comment({ ...one, body: "hello" })
      assert.deepStrictEqual(yield* updated, [createdAt, said])
      assert.strictEqual(said, createdAt + 2_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("numbers each repository's issues from 1", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const other = yield* forge.open({ repository: "acme/other", title: "one", body: "", labels: [], ...mona })
      const second = yield* open
      assert.deepStrictEqual([other.number, second.number], [1, 2])
    }).pipe(Effect.provide(layer))
  )

  it.effect("says which issue is not there", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const error = yield* Effect.flip(forge.close({ ...one, reason: "completed" }))
      assert.deepInclude(error, { _tag: "IssueNotFound", issue: "acme/app#1" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses what is too long, blank or at odds with itself, and says what to mend", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const issue = { repository, title: "t", body: "b", labels: [], ...mona }
      const refused: ReadonlyArray<readonly [Effect.Effect<unknown, { readonly message: string }>, string]> = [
        [forge.open({ ...issue, title: "x".repeat(257) }), "title cannot be used: it has 257 characters, at most 256"],
        [forge.open({ ...issue, title: " \n" }), "title cannot be used: it is empty"],
        [
          forge.open({ ...issue, body: "x".repeat(65_537) }),
          "body cannot be used: it has 65,537 characters, at most 65,536"
        ],
        [forge.open({ ...issue, labels: ["x".repeat(51)] }), "label cannot be used: it has 51 characters, at most 50"],
        [forge.open({ ...issue, labels: ["ok", ""] }), "label cannot be used: it is empty"],
        [forge.open({ ...issue, repository: "app" }), 'repository cannot be used: "app" is not owner/name'],
        [forge.open({ ...issue, author: "" }), "author cannot be used: it is empty"],
        [forge.edit({ ...one, title: "" }), "title cannot be used: it is empty"],
        [forge.comment({ ...one, body: "" }), "comment cannot be used: it is empty"],
        [forge.comment({ ...one, body: "x".repeat(65_537) }), "comment cannot be used: it has 65,537 characters"],
        [forge.assign({ ...one, assignees: [" "] }), "assignee cannot be used: it is empty"],
        [forge.label({ ...one, add: ["a"], remove: ["a"] }), 'label cannot be used: "a" is both added and removed'],
        [forge.perform(draft("k", 1, { _tag: "comment", body: "x".repeat(65_537) })), "comment cannot be used"],
        [
          forge.perform(draft("k", 0, { _tag: "reopen_issue" })),
          "reopen_issue needs an issue, and acme/app is a repository"
        ]
      ]
      for (const [effect, problem] of refused) assert.include((yield* Effect.flip(effect)).message, problem)
      assert.strictEqual((yield* events).length, 1)
      const error = yield* Effect.flip(forge.perform(draft("k", 0, { _tag: "reopen_issue" })))
      assert.isFalse(error.retryable)
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes texts of exactly the longest length, counted in characters and not in code units", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const issue = {
        repository,
        title: "🚀".repeat(256),
        body: "🚀".repeat(65_536),
        labels: ["🚀".repeat(50)],
        ...mona
      }
      const { number } = yield* forge.open(issue)
      const stored = yield* forge.issue(repository, number)
      assert.deepStrictEqual([stored.title, stored.body, stored.labels], [issue.title, issue.body, issue.labels])
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells of a text exactly as it stores it, also where no database could keep it", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const [event] = yield* appended(
        forge.open({ repository, title: "a\0b", body: "x\ud800y", labels: ["\udc00"], ...mona })
      )
      const { body, labels, title } = yield* forge.issue(repository, 1)
      assert.deepStrictEqual([title, body, labels], ["a\u{fffd}b", "x\u{fffd}y", ["\u{fffd}"]])
      assert.deepInclude(event?.detail._tag === "issue.opened" ? event.detail.issue : {}, { body, labels, title })
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells how far who did it, and who wrote the text, are trusted", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const [said] = yield* appended(forge.comment({ ...one, author: "Hubot", body: "me too" }))
      assert.deepStrictEqual(said?.actor, { login: "Hubot", kind: "person", trust: "read" })
      assert.strictEqual(said?.detail._tag === "comment.created" && said.detail.comment.association, "NONE")
      const trusts = Effect.fnUntraced(function* (change: Effect.Effect<unknown, unknown>) {
        const [event] = yield* appended(change)
        return event?.detail._tag === "issue.edited" ? [event.actor.trust, event.detail.issue.trust] : []
      })
      assert.deepStrictEqual(yield* trusts(forge.edit({ ...one, body: "more" })), ["admin", "admin"])
      assert.deepStrictEqual(yield* trusts(forge.edit({ ...one, author: "hubot", body: "rm -rf" })), ["read", "read"])
      // Whoever edits after a stranger has not written the stranger's words.
      assert.deepStrictEqual(yield* trusts(forge.edit({ ...one, title: "uno" })), ["admin", "read"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("notes who changed an issue's text last, and when; labels are no text", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const edits = Effect.map(forge.issue(repository, 1), ({ author, editedAt, editor }) => [author, editor, editedAt])
      yield* TestClock.adjust(1_000)
      yield* forge.label({ ...one, author: "hubot", add: ["ui"], remove: [] })
      assert.deepStrictEqual(yield* edits, ["mona", null, null])
      yield* forge.edit({ ...one, author: "hubot", body: "other" })
      assert.deepStrictEqual(yield* edits, ["mona", "hubot", 1_000])
      yield* TestClock.adjust(1_000)
      yield* forge.edit({ ...one, title: "uno" })
      assert.deepStrictEqual(yield* edits, ["mona", "mona", 2_000])
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells of a comment that was edited, by the editor and with its first author", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* open
      const { id } = yield* forge.comment({ ...one, body: "hello" })
      yield* TestClock.adjust(1_000)
      const change = { ...one, author: "hubot", comment: id, body: "goodbye" }
      const [event, ...more] = yield* appended(Effect.andThen(forge.editComment(change), forge.editComment(change)))
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(event?.actor, { login: "hubot", kind: "person", trust: "read" })
      assert.deepStrictEqual(event?.detail, {
        _tag: "comment.edited",
        comment: { id, body: "goodbye", author: "mona", association: "OWNER" },
        title: "one",
        labels: ["bug"]
      })
      assert.deepStrictEqual(yield* forge.comments(repository, 1), [
        { id, body: "goodbye", author: "mona", createdAt: 0, editor: "hubot", editedAt: 1_000 }
      ])
      const missing = yield* Effect.flip(forge.editComment({ ...change, comment: 99 }))
      assert.include(missing.message, "acme/app#1 has no comment 99")
    }).pipe(Effect.provide(layer))
  )

  it.effect("has no branches and no pull requests where it keeps no repositories, and says so", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const branch = { branch: "squadron/a", commit: "1".repeat(40), expected: null }
      const effects: ReadonlyArray<Effect.Effect<unknown, ForgeError>> = [
        forge.defaultBranch(repository),
        forge.remote(repository),
        forge.perform(draft("push", 0, { _tag: "push", ...branch }))
      ]
      for (const effect of effects) {
        const error = yield* Effect.flip(effect)
        assert.include(error.message, "keeps no git repositories")
        assert.isFalse(error.retryable)
      }
      assert.deepStrictEqual(yield* forge.pullRequests({ repository, limit: 10 }), [])
    }).pipe(Effect.provide(layer))
  )

  const opening: Change = {
    number: 1,
    key: null,
    action: { _tag: "open_issue", title: "one", body: "two", labels: ["bug"] }
  }
  const byPerson = (forge: LocalForge["Service"], { action, number }: Change) => {
    const at = { repository, number, ...mona }
    switch (action._tag) {
      case "open_issue":
        return Effect.asVoid(forge.open({ ...action, repository, ...mona }))
      case "comment":
        return Effect.asVoid(forge.comment({ ...at, body: action.body }))
      case "add_labels":
        return Effect.asVoid(forge.label({ ...at, add: action.labels, remove: [] }))
      case "remove_labels":
        return Effect.asVoid(forge.label({ ...at, add: [], remove: action.labels }))
      case "assign":
        return Effect.asVoid(forge.assign({ ...at, assignees: action.assignees }))
      case "close_issue":
        return Effect.asVoid(forge.close({ ...at, reason: action.reason }))
      case "reopen_issue":
        return Effect.asVoid(forge.reopen(at))
    }
  }

  it.effect.prop(
    "holds the issues, and tells the events, that a plain model of the same changes does",
    [Arbitrary.array(Arbitrary.schema(Change), { minLength: 10, maxLength: 40 })],
    ([random]) =>
      Effect.gen(function* () {
        const forge = yield* LocalForge
        const model = new ForgeModel()
        // Two issues to begin with, so that most changes find theirs.
        for (const change of [opening, opening, ...random]) {
          const before = yield* events
          const effect: Effect.Effect<unknown, unknown> =
            change.key === null
              ? byPerson(forge, change)
              : forge.perform(draft(change.key, change.action._tag === "open_issue" ? 0 : change.number, change.action))
          const done = yield* Effect.isSuccess(effect)
          assert.strictEqual(done, model.apply(change))
          const [last] = (yield* events).slice(before.length).toReversed()
          if (last !== undefined && "issue" in last.detail) {
            const { trust: _, ...snapshot } = last.detail.issue
            const seen = { ...snapshot, comments: model.issues[last.subject.number - 1]?.comments.length ?? 0 }
            assert.deepStrictEqual(seen, model.snapshots()[last.subject.number - 1])
          }
        }
        assert.deepStrictEqual((yield* events).map(happened), model.happened)
        const stored = (yield* forge.issues({ repository, limit: 100 })).toReversed()
        assert.deepStrictEqual(
          stored.map(({ assignees, author, body, comments, labels, state, title }) => {
            return { title, body, state, author, labels, assignees, comments }
          }),
          model.snapshots()
        )
        for (const [index, { comments }] of model.issues.entries()) {
          const bodies = (yield* forge.comments(repository, index + 1)).map(({ body }) => body)
          assert.deepStrictEqual(bodies, comments)
        }
      }).pipe(Effect.provide(layer, { local: true })),
    // The default size of 10 makes lists too short to come back to an issue.
    { arbitrary: { size: 40, runs: 60 }, timeout: 60_000 }
  )
})
