import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { noRepository, toEvent } from "../../../../src/adapters/forge/github/events.ts"
import { markFor, withMarks } from "../../../../src/adapters/forge/github/mark.ts"
import { type Detail, EventDraft } from "../../../../src/domain/Event.ts"
import * as Subject from "../../../../src/domain/Subject.ts"

type Json = { readonly [key: string]: unknown }
type Corpus = ReadonlyArray<{ readonly name: string; readonly examples: ReadonlyArray<Json> }>

const require = createRequire(import.meta.url)
const corpus: Corpus = require("@octokit/webhooks-examples")

const examplesOf = (name: string, action?: string): ReadonlyArray<Json> =>
  (corpus.find((kind) => kind.name === name)?.examples ?? []).filter(
    (payload) => action === undefined || payload["action"] === action
  )

const example = (name: string, action?: string, index = 0): Json => {
  const found = examplesOf(name, action)[index]
  assert.isDefined(found, `${name}.${action} ${index} is in the corpus`)
  return found
}

const delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
const receive = (event: string, payload: unknown, botLogins: ReadonlyArray<string> = []) =>
  toEvent({ event, delivery, payload, receivedAt: 1_700_000_000_000, botLogins })

const detailOf = <T extends Detail["_tag"]>(draft: EventDraft, tag: T): Extract<Detail, { readonly _tag: T }> => {
  assert.strictEqual(draft.detail._tag, tag)
  return draft.detail as Extract<Detail, { readonly _tag: T }>
}

/** The payload with one field replaced, or taken away where no value is given. */
const changed = (payload: Json, path: ReadonlyArray<string>, ...value: ReadonlyArray<unknown>): Json => {
  const [key = "", ...rest] = path
  const { [key]: old, ...others } = payload
  if (rest.length > 0) return { ...others, [key]: changed(old as Json, rest, ...value) }
  return value.length === 0 ? others : { ...others, [key]: value[0] }
}

const refusal = (event: string, payload: unknown) => Effect.map(Effect.flip(receive(event, payload)), (e) => e.message)

describe("toEvent on the corpus of real payloads", () => {
  it.effect("refuses none of them, types what is mapped and keeps the rest as other", () =>
    Effect.gen(function* () {
      const counts: Record<string, number> = {}
      for (const { examples, name } of corpus) {
        for (const payload of examples) {
          const result = yield* Effect.result(receive(name, payload))
          const type = Result.isSuccess(result) ? result.success.detail._tag : `refused: ${result.failure.message}`
          counts[type] = (counts[type] ?? 0) + 1
        }
      }
      assert.deepStrictEqual(counts, {
        "issue.opened": 4,
        "issue.reopened": 1,
        "issue.edited": 3,
        "issue.assigned": 3,
        "issue.labeled": 2,
        "issue.unlabeled": 2,
        "comment.created": 5,
        "comment.edited": 2,
        "pull_request.opened": 4,
        "pull_request.closed": 2,
        "pull_request.synchronized": 1,
        "pull_request.labeled": 2,
        "pull_request.unlabeled": 2,
        "review.submitted": 3,
        "review.dismissed": 1,
        "review_comment.created": 3,
        push: 7,
        "check_suite.completed": 4,
        "check_run.completed": 3,
        "status.changed": 4,
        other: 271
      })
    })
  )

  it.effect("makes only events that the store can read back", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(EventDraft)
      for (const { examples, name } of corpus) {
        for (const payload of examples) {
          const draft = yield* receive(name, payload)
          assert.deepStrictEqual(yield* decode(JSON.parse(JSON.stringify(draft))), draft)
        }
      }
    })
  )

  it.effect("names in every refusal the one field that was taken away", () =>
    Effect.gen(function* () {
      const needed: ReadonlyArray<readonly [event: string, action: string, path: string]> = [
        ["issues", "opened", "repository.full_name"],
        ["issues", "opened", "sender.login"],
        ["issues", "opened", "issue.number"],
        ["issues", "opened", "issue.title"],
        ["issues", "reopened", "issue.state"],
        ["issues", "assigned", "assignee.login"],
        ["issues", "labeled", "label.name"],
        ["issue_comment", "created", "comment.author_association"],
        ["issue_comment", "created", "issue.labels"],
        ["pull_request", "opened", "pull_request.head.sha"],
        ["pull_request", "synchronize", "pull_request.base.ref"],
        ["pull_request", "unlabeled", "label"],
        ["pull_request_review", "submitted", "review.state"],
        ["pull_request_review_comment", "created", "comment.path"],
        ["check_suite", "completed", "check_suite.head_sha"],
        ["check_run", "completed", "check_run.name"]
      ]
      for (const [event, action, path] of needed) {
        const message = yield* refusal(event, changed(example(event, action), path.split(".")))
        assert.isTrue(message.startsWith(`${event}.${action}: payload.${path} is missing; expected `), message)
      }
    })
  )
})

describe("toEvent", () => {
  it.effect("keeps the delivery id as key, the time of receipt, and no cause", () =>
    Effect.gen(function* () {
      const draft = yield* receive("issues", example("issues", "opened"))
      assert.strictEqual(draft.key, `github:${delivery}`)
      assert.strictEqual(draft.source, "github")
      assert.strictEqual(draft.at, 1_700_000_000_000)
      assert.isNull(draft.causedBy)
      assert.strictEqual(draft.depth, 0)
    })
  )

  it.effect("reads an issue's number, sender, labels and assignees", () =>
    Effect.gen(function* () {
      const draft = yield* receive("issues", example("issues", "opened"))
      assert.deepStrictEqual(draft.subject, Subject.issue("Codertocat/Hello-World", 1))
      assert.deepStrictEqual(draft.actor, { login: "Codertocat", kind: "person" })
      const { issue } = detailOf(draft, "issue.opened")
      assert.deepStrictEqual(issue, {
        title: "Spelling error in the README file",
        body: "It looks like you accidently spelled 'commit' with two 't's.",
        state: "open",
        author: "Codertocat",
        labels: ["bug"],
        assignees: ["Codertocat"]
      })
      const labeled = detailOf(yield* receive("issues", example("issues", "labeled")), "issue.labeled")
      assert.strictEqual(labeled.label, "bug")
      const assigned = detailOf(yield* receive("issues", example("issues", "assigned")), "issue.assigned")
      assert.strictEqual(assigned.assignee, "Codertocat")
    })
  )

  it.effect("reads issues.closed, which the corpus lacks", () =>
    Effect.gen(function* () {
      const closed = changed(changed(example("issues", "opened"), ["action"], "closed"), ["issue", "state"], "closed")
      const { issue } = detailOf(yield* receive("issues", closed), "issue.closed")
      assert.strictEqual(issue.state, "closed")
    })
  )

  it.effect("makes a null or missing body empty, and a vanished author a ghost", () =>
    Effect.gen(function* () {
      const payload = example("issues", "opened", 1)
      assert.isNull((payload["issue"] as Json)["body"])
      assert.strictEqual(detailOf(yield* receive("issues", payload), "issue.opened").issue.body, "")
      const bare = changed(changed(payload, ["issue", "body"]), ["issue", "user"], null)
      const { issue } = detailOf(yield* receive("issues", bare), "issue.opened")
      assert.strictEqual(issue.body, "")
      assert.strictEqual(issue.author, "ghost")
    })
  )

  it.effect("puts a comment on an issue, or on the pull request that it was made on", () =>
    Effect.gen(function* () {
      const payload = example("issue_comment", "created")
      const onIssue = yield* receive("issue_comment", payload)
      assert.deepStrictEqual(onIssue.subject, Subject.issue("Codertocat/Hello-World", 1))
      assert.deepStrictEqual(detailOf(onIssue, "comment.created"), {
        _tag: "comment.created",
        comment: {
          id: 492700400,
          body: "You are totally right! I'll get this fixed right away.",
          author: "Codertocat",
          association: "OWNER"
        },
        title: "Spelling error in the README file",
        labels: ["bug"]
      })
      const links = { url: "https://api.github.com/repos/Codertocat/Hello-World/pulls/1" }
      const onPull = yield* receive("issue_comment", changed(payload, ["issue", "pull_request"], links))
      assert.deepStrictEqual(onPull.subject, Subject.pullRequest("Codertocat/Hello-World", 1))
    })
  )

  it.effect("reads a pull request's branches, and whether it is merged or a draft", () =>
    Effect.gen(function* () {
      const draft = yield* receive("pull_request", example("pull_request", "labeled"))
      assert.deepStrictEqual(draft.subject, Subject.pullRequest("Codertocat/Hello-World", 2))
      const { label, pullRequest } = detailOf(draft, "pull_request.labeled")
      assert.strictEqual(label, "bug")
      assert.deepStrictEqual(pullRequest.labels, ["bug"])
      assert.deepStrictEqual(pullRequest.head, {
        ref: "changes",
        sha: "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        repository: "Codertocat/Hello-World"
      })
      const orphan = changed(example("pull_request", "labeled"), ["pull_request", "head", "repo"], null)
      const gone = detailOf(yield* receive("pull_request", orphan), "pull_request.labeled").pullRequest
      assert.notStrictEqual(
        gone.head.repository,
        "Codertocat/Hello-World",
        "a deleted fork is not the repository itself"
      )
      assert.strictEqual(pullRequest.base.ref, "master")
      assert.isFalse(pullRequest.merged)
      assert.isFalse(pullRequest.draft)
      const merged = changed(example("pull_request", "closed"), ["pull_request", "merged"], true)
      assert.isTrue(detailOf(yield* receive("pull_request", merged), "pull_request.closed").pullRequest.merged)
    })
  )

  it.effect("knows from merged_at that a review's pull request is merged", () =>
    Effect.gen(function* () {
      const payload = example("pull_request_review", "submitted")
      const draft = yield* receive("pull_request_review", payload)
      assert.deepStrictEqual(draft.subject, Subject.pullRequest("Codertocat/Hello-World", 2))
      const { pullRequest, review } = detailOf(draft, "review.submitted")
      assert.deepStrictEqual(review, { id: 237895671, state: "commented", body: "", author: "Codertocat" })
      assert.isFalse(pullRequest.merged)
      const merged = changed(payload, ["pull_request", "merged_at"], "2019-05-15T15:20:38Z")
      assert.isTrue(detailOf(yield* receive("pull_request_review", merged), "review.submitted").pullRequest.merged)
      const dismissed = yield* receive("pull_request_review", example("pull_request_review", "dismissed"))
      assert.strictEqual(detailOf(dismissed, "review.dismissed").review.state, "dismissed")
    })
  )

  it.effect("reads a review comment's place, whose line may be missing", () =>
    Effect.gen(function* () {
      const event = "pull_request_review_comment"
      const place = (index: number) =>
        Effect.map(receive(event, example(event, "created", index)), (draft) => {
          const { comment, line, path } = detailOf(draft, "review_comment.created")
          return { subject: Subject.key(draft.subject), id: comment.id, path, line }
        })
      const common = { subject: "Codertocat/Hello-World#2", id: 284312630, path: "README.md" }
      assert.deepStrictEqual(yield* place(0), { ...common, line: null })
      assert.deepStrictEqual(yield* place(1), { ...common, line: 265 })
    })
  )

  it.effect("reads a push's ref, commits and files", () =>
    Effect.gen(function* () {
      const draft = yield* receive("push", example("push", undefined, 4))
      assert.deepStrictEqual(draft.subject, Subject.repository("Codertocat/Hello-World"))
      assert.deepStrictEqual(detailOf(draft, "push"), {
        _tag: "push",
        ref: "refs/heads/master",
        before: "0000000000000000000000000000000000000000",
        after: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        forced: false,
        deleted: false,
        commits: [
          {
            id: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
            message: "Initial commit",
            added: ["README.md"],
            modified: [],
            removed: []
          }
        ]
      })
      assert.isTrue(detailOf(yield* receive("push", example("push", undefined, 1)), "push").deleted)
    })
  )

  it.effect("puts a check on its only pull request, else on the repository", () =>
    Effect.gen(function* () {
      const run = yield* receive("check_run", example("check_run", "completed"))
      assert.deepStrictEqual(run.subject, Subject.pullRequest("Codertocat/Hello-World", 2))
      assert.deepStrictEqual(detailOf(run, "check_run.completed"), {
        _tag: "check_run.completed",
        name: "Octocoders-linter",
        sha: "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        conclusion: "failure",
        pullRequests: [2]
      })
      const suite = yield* receive("check_suite", example("check_suite", "completed", 1))
      assert.deepStrictEqual(suite.subject, Subject.repository("Codertocat/Hello-World"))
      assert.deepStrictEqual(detailOf(suite, "check_suite.completed").pullRequests, [])
      const two = changed(
        example("check_run", "completed"),
        ["check_run", "pull_requests"],
        [{ number: 2 }, { number: 3 }]
      )
      const both = yield* receive("check_run", two)
      assert.deepStrictEqual(both.subject, Subject.repository("Codertocat/Hello-World"))
      assert.deepStrictEqual(detailOf(both, "check_run.completed").pullRequests, [2, 3])
    })
  )

  it.effect("reads a commit status", () =>
    Effect.gen(function* () {
      const draft = yield* receive("status", example("status"))
      assert.deepStrictEqual(draft.subject, Subject.repository("Codertocat/Hello-World"))
      assert.deepStrictEqual(detailOf(draft, "status.changed"), {
        _tag: "status.changed",
        context: "default",
        sha: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        state: "success",
        branches: ["master", "changes", "gh-pages"]
      })
    })
  )

  it.effect("tells bots from people by GitHub's word, and its own doing by the configured names", () =>
    Effect.gen(function* () {
      const bot = yield* receive("check_suite", example("check_suite", "rerequested"))
      assert.deepStrictEqual(bot.actor, { login: "octocoders-linter[bot]", kind: "bot" })
      const named = yield* receive("issues", example("issues", "opened"), ["codertoCAT"])
      assert.deepStrictEqual(named.actor, { login: "Codertocat", kind: "agent" })
    })
  )

  it.effect("tells by its mark which agent did what our own account did, and how deep", () =>
    Effect.gen(function* () {
      const mark = markFor(
        { key: "k", agent: "reviewer-2-e5", depth: 3 },
        { role: "reviewer", verdict: "request_changes" }
      )
      const body = withMarks("A test is missing.", [mark])
      const payload = changed(example("pull_request_review", "submitted"), ["review", "body"], body)
      const own = yield* receive("pull_request_review", payload, ["Codertocat"])
      assert.deepStrictEqual([own.causedBy, own.depth, own.actor.kind], ["reviewer-2-e5", 3, "agent"])
      const { review } = detailOf(own, "review.submitted")
      assert.deepStrictEqual([review.body, review.state], ["A test is missing.", "changes_requested"])
      const forged = yield* receive("pull_request_review", payload)
      assert.deepStrictEqual([forged.causedBy, forged.depth, forged.actor.kind], [null, 0, "person"])
      assert.strictEqual(detailOf(forged, "review.submitted").review.state, "commented")
    })
  )

  it.effect(
    "knows the agent that wrote an issue of ours, also when somebody else labels it, and nobody by their name",
    () =>
      Effect.gen(function* () {
        const body = withMarks("Found on the way.", [markFor({ key: "k", agent: "pm-1-e2", depth: 1 })])
        const payload = changed(example("issues", "labeled"), ["issue", "body"], body)
        const { issue } = detailOf(yield* receive("issues", payload, ["Codertocat"]), "issue.labeled")
        assert.deepStrictEqual([issue.author, issue.body, issue.trust], ["pm-1-e2", "Found on the way.", "write"])
        const forged = detailOf(yield* receive("issues", payload), "issue.labeled").issue
        assert.deepStrictEqual([forged.author, forged.trust], ["Codertocat", undefined])
      })
  )

  it.effect("stores kinds and actions that it has no use for, also without a repository or a sender", () =>
    Effect.gen(function* () {
      const pinned = yield* receive("issues", example("issues", "pinned"))
      assert.deepStrictEqual(pinned.detail, { _tag: "other", name: "issues", action: "pinned" })
      assert.deepStrictEqual(pinned.subject, Subject.repository("Codertocat/Hello-World"))
      const installation = yield* receive("installation", example("installation", "created"))
      assert.deepStrictEqual(installation.subject, Subject.repository(noRepository))
      const advisory = yield* receive("security_advisory", example("security_advisory", "published"))
      assert.deepStrictEqual(advisory.actor, { login: "github", kind: "bot" })
      const ping = yield* receive("ping", { zen: "Keep it logically awesome.", action: 3, repository: "none" })
      assert.deepStrictEqual(ping.detail, { _tag: "other", name: "ping", action: "" })
      const strange = yield* receive("constructor", {})
      assert.deepStrictEqual(strange.detail, { _tag: "other", name: "constructor", action: "" })
    })
  )

  it.effect("says of a payload that it cannot use which field is wrong, how, and what it should be", () =>
    Effect.gen(function* () {
      const payload = example("issues", "opened")
      const refused = (path: string, ...value: ReadonlyArray<unknown>) =>
        refusal("issues", changed(payload, path.split("."), ...value))
      assert.strictEqual(
        yield* refused("issue.number"),
        "issues.opened: payload.issue.number is missing; expected an integer"
      )
      assert.strictEqual(
        yield* refused("issue.number", "1"),
        'issues.opened: payload.issue.number is "1"; expected an integer'
      )
      assert.strictEqual(
        yield* refused("issue.number", 0),
        "issues.opened: payload.issue.number is 0; expected a positive integer"
      )
      assert.strictEqual(
        yield* refused("issue.state", "merged"),
        'issues.opened: payload.issue.state is "merged"; expected "open" or "closed"'
      )
      assert.strictEqual(
        yield* refused("issue.labels", [{ name: "bug" }, {}]),
        "issues.opened: payload.issue.labels[1].name is missing; expected a string"
      )
      assert.strictEqual(yield* refused("issue", null), "issues.opened: payload.issue is null; expected an object")
      assert.strictEqual(
        yield* refused("repository.full_name", "no slash"),
        'issues.opened: payload.repository.full_name is "no slash"; expected a repository\'s full name, owner/name'
      )
      assert.strictEqual(yield* refused("action"), "issues: payload.action is missing; expected a string")
      assert.strictEqual(yield* refusal("issues", []), "issues: payload is a list; expected an object")
      assert.strictEqual(yield* refusal("push", null), "push: payload is null; expected an object")
      assert.strictEqual(
        yield* refusal("push", changed(example("push"), ["forced"], "no")),
        'push: payload.forced is "no"; expected true or false'
      )
    })
  )
})
