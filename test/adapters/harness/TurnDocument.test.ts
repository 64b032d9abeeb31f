import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { turnDocument } from "../../../src/adapters/harness/TurnDocument.ts"
import { born } from "../../../src/domain/changeAgent.ts"
import type { Event } from "../../../src/domain/Event.ts"
import { makeRole } from "../../../src/domain/Role.ts"
import { pullRequest } from "../../../src/domain/Subject.ts"

const role = makeRole({ name: "author", harness: { _tag: "command", run: ["true"], env: [], cwd: "/" } })
const change = {
  title: "Round prices",
  body: "",
  state: "open" as const,
  author: "ada",
  labels: ["bug"],
  draft: false,
  merged: false,
  head: { ref: "fix", sha: "a" },
  base: { ref: "main", sha: "b" }
}
const event: Event = {
  seq: 5,
  key: "k",
  source: "github",
  at: 1_700_000_000_000,
  actor: { login: "grace", kind: "person" },
  subject: pullRequest("acme/shop", 4),
  causedBy: null,
  depth: 0,
  detail: {
    _tag: "review.submitted",
    pullRequest: change,
    review: { id: 1, state: "changes_requested", body: "Please rename it", author: "grace" }
  }
}

describe("turnDocument", () => {
  it("tells of a review its pull request, its state, its words and who wrote it", () => {
    const agent = born(role, event)
    const message = { id: 7, agent: agent.id, kind: "event" as const, text: "", status: "unread" as const, reason: "" }
    const document: unknown = JSON.parse(
      turnDocument({
        agent,
        role,
        run: `${agent.id}/1`,
        turn: 1,
        messages: [
          { ...message, event },
          { ...message, id: 8, event: { ...event, seq: 6 } }
        ],
        notice: "",
        briefing: Effect.die(new Error("nobody asks for it"))
      })
    )
    const told = {
      type: "review.submitted",
      at: 1_700_000_000_000,
      actor: { login: "grace", kind: "person" },
      subject: { repository: "acme/shop", kind: "pull_request", number: 4, key: "acme/shop#4" },
      pullRequest: change,
      review: { id: 1, state: "changes_requested", body: "Please rename it", author: "grace" }
    }
    assert.deepInclude(document, {
      subject: told.subject,
      messages: [
        { id: 7, kind: "event", text: "", event: { seq: 5, ...told } },
        { id: 8, kind: "event", text: "", event: { seq: 6, ...told } }
      ]
    })
  })
})
