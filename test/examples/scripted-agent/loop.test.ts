import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Detail } from "../../../src/domain/Event.ts"
import type { Quoted } from "../../../src/domain/prompt.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import {
  git,
  labeled,
  preparedIssue,
  promptsOf,
  publish,
  sampleRepository,
  squash,
  testsOf,
  textIn,
  workspaceOf
} from "./Sample.ts"
import { newHome, newSession, prompted, startAgent } from "./ScriptedAgent.ts"
import { callsOf, toolServer } from "./ToolServer.ts"

type Comment = { readonly path: string; readonly line: number; readonly body: string }
type Review = { readonly verdict: string; readonly comments: ReadonlyArray<Comment> }

const done = () => "done"
const pullOf = (head: string, base: string) => ({
  title: "A change",
  body: "",
  state: "open" as const,
  author: "squadron",
  labels: [],
  draft: false,
  merged: false,
  head: { ref: "squadron/agent-1-e1", sha: head },
  base: { ref: "main", sha: base }
})

/** What a reviewer says of the commit that a branch of the mirror is at. */
const reviewOf = Effect.fnUntraced(function* (part: "reviewer" | "security-reviewer", mirror: string, branch: string) {
  const workspace = yield* workspaceOf(mirror, branch)
  const server = yield* toolServer({ read_subject: done, review: done, report_done: done, ask_person: done })
  const agent = yield* startAgent(part, yield* newHome)
  const session = yield* newSession(agent, workspace, server)
  const detail: Detail = {
    _tag: "pull_request.synchronized",
    pullRequest: pullOf(git(mirror, "rev-parse", branch), git(mirror, "rev-parse", "main"))
  }
  const subject = Subject.pullRequest("example/invoice", 4)
  const told = promptsOf({ tools: ["review"], subject, title: "A change", body: "", news: [{ detail }] })
  yield* prompted(agent, session, told.whole)
  const [review] = callsOf(server, "review") as unknown as ReadonlyArray<Review>
  return review ?? (yield* Effect.die(new Error(`${part} wrote no review`)))
})

/** A developer that goes on with one issue as it is told. */
const developerOf = Effect.fnUntraced(function* (mirror: string, branch: string, name: string) {
  const issue = preparedIssue(name)
  const workspace = yield* workspaceOf(mirror)
  const tools = ["read_subject", "push_work", "open_pull_request", "update_pull_request", "reply_review", "report_done"]
  const server = yield* toolServer(Object.fromEntries([...tools, "ask_person"].map((tool) => [tool, done])))
  const agent = yield* startAgent("developer", yield* newHome)
  const session = yield* newSession(agent, workspace, server)
  const told = { tools: ["push", "open_pull_request", "update_pull_request", "reply_review"] as const, ...issue }
  const turn = Effect.fnUntraced(function* (text: string) {
    const before = callsOf(server, "report_done").length
    yield* prompted(agent, session, text)
    assert.deepStrictEqual(callsOf(server, "ask_person"), [])
    assert.lengthOf(callsOf(server, "report_done"), before + 1)
    publish(workspace, mirror, branch)
  })
  return {
    branch,
    start: turn(promptsOf({ ...told, news: [labeled(issue, "some")] }).whole),
    rework: (comments: ReadonlyArray<Comment>) => {
      const pullRequest = pullOf(git(mirror, "rev-parse", branch), git(mirror, "rev-parse", "main"))
      const review = { id: 1, state: "changes_requested", body: "Some rules are not met.", author: "squadron" }
      const detail: Detail = { _tag: "review.submitted", pullRequest, review }
      const reviews = comments.map(({ body, line, path }, index): Quoted => ({
        what: `review comment ${index + 1}, ${path} line ${line}`,
        author: "squadron",
        trust: "write",
        shown: body,
        why: ""
      }))
      const text = "squadron requests changes to your pull request."
      return turn(promptsOf({ ...told, news: [{ detail, text }], reviews }).news)
    },
    catchUp: Effect.suspend(() => {
      const base = git(mirror, "rev-parse", "main")
      const detail: Detail = {
        _tag: "pull_request.conflicted",
        pullRequest: pullOf(git(mirror, "rev-parse", branch), base)
      }
      const text = `Your pull request conflicts with main, which is at ${base} now. Your clone has that commit: merge it, resolve the conflicts, test, and push.`
      return turn(promptsOf({ ...told, news: [{ detail, text }] }).news)
    })
  }
})

const conflicts = (mirror: string, branch: string): boolean => {
  try {
    git(mirror, "merge-tree", "--write-tree", "main", branch)
    return false
  } catch {
    return true
  }
}

describe("three scripted developers and two reviewers", { timeout: 180_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    for (const order of [
      ["bug", "feature", "docs"],
      ["docs", "feature", "bug"]
    ] as const) {
      it.effect(`bring three issues to main, merged as ${order.join(", ")}`, () =>
        Effect.gen(function* () {
          const mirror = yield* sampleRepository
          const developers = {
            bug: yield* developerOf(mirror, "bug", "1-credit-note"),
            feature: yield* developerOf(mirror, "feature", "2-currency"),
            docs: yield* developerOf(mirror, "docs", "3-price-digits")
          }
          const verdicts: Array<string> = []
          for (const name of order) yield* developers[name].start
          for (const name of order) {
            const { branch, catchUp, rework } = developers[name]
            let review = yield* reviewOf("reviewer", mirror, branch)
            verdicts.push(`${name} ${review.verdict}`)
            if (review.verdict === "request_changes") {
              yield* rework(review.comments)
              review = yield* reviewOf("reviewer", mirror, branch)
              verdicts.push(`${name} ${review.verdict}`)
            }
            if (conflicts(mirror, branch)) {
              yield* catchUp
              review = yield* reviewOf("reviewer", mirror, branch)
              verdicts.push(`${name} ${review.verdict} after a conflict`)
            }
            assert.strictEqual((yield* reviewOf("security-reviewer", mirror, branch)).verdict, "approve")
            squash(mirror, branch)
          }
          const [first, second, third] = order
          assert.deepStrictEqual(verdicts, [
            `${first} approve`,
            ...(second === "feature" ? ["feature request_changes", "feature approve"] : []),
            `${second} approve after a conflict`,
            `${third} approve`,
            `${third} approve after a conflict`
          ])
          assert.isTrue(testsOf(mirror).passed)
          assert.match(testsOf(mirror).report, /^# pass 15$/m)
          const unreleased = textIn(mirror, "CHANGELOG.md").split("## ")[1]?.match(/^- /gm)
          assert.lengthOf(unreleased ?? [], 4)
          assert.strictEqual(git(mirror, "rev-list", "--count", "main"), "4")
        })
      )
    }
  })
})
