import { Effect, Schema, Semaphore } from "effect"
import { branchOf } from "../../domain/branches.ts"
import * as Subject from "../../domain/Subject.ts"
import { expectedBefore } from "../../domain/toolCall.ts"
import type { Grant } from "../../services/Capabilities.ts"
import { Forge } from "../../services/Forge.ts"
import { type Workspace, Workspaces } from "../../services/Workspaces.ts"
import { act, type Acted, told } from "./act.ts"
import { type AgentTool, agentTool } from "./AgentTool.ts"
import { type Answer, ask, Call, refuse } from "./Call.ts"
import { checkedWork, inspected } from "./checkedWork.ts"
import { anyText, oneLine } from "./parameters.ts"
import { pushesOf } from "./pushes.ts"

/** A run's own pushes come one after the other: each must know where the one before left the branch. */
const turns = new WeakMap<Grant, Semaphore.Semaphore>()

const oneByOne = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Call> =>
  Effect.flatMap(Call, ({ grant }) => {
    const turn = turns.get(grant) ?? Semaphore.makeUnsafe(1)
    turns.set(grant, turn)
    return turn.withPermit(effect)
  })

/** The run's workspace and the one branch that it pushes to. */
const place = Effect.gen(function* () {
  const { grant, tool } = yield* Call
  const { workspace } = grant
  if (workspace === null) return yield* refuse(`${tool}: you have no workspace.`)
  return { workspace, branch: branchOf(grant.agent) }
})

/** The newest pull request of the agent's branch. */
const newestPull = Effect.fnUntraced(function* (workspace: Workspace, branch: string) {
  const forge = yield* Forge
  const [pull] = yield* ask(forge.pullRequests({ repository: workspace.repository, head: branch, limit: 1 }))
  return pull ?? null
})

const dirtyNote = " Changes that are not committed are not part of it."

/** Pushes the work where it is not pushed yet. `acted` is null where it was there already. */
const push = Effect.fnUntraced(function* (workspace: Workspace, branch: string) {
  const { grant, tool } = yield* Call
  const work = yield* checkedWork(workspace)
  const pull = yield* newestPull(workspace, branch)
  const pushes = yield* pushesOf(grant.agent.id, branch)
  const before = expectedBefore({
    pushed: pushes.map(({ commit }) => commit),
    pullRequest: pull === null ? null : { ...pull, head: pull.head.sha },
    has: new Set([work.mergeBase, ...work.commits.map(({ id }) => id)])
  })
  if ("why" in before) return yield* refuse(`${tool}: ${before.why}.`)
  const line = `push ${work.head.slice(0, 9)} to ${branch}`
  const dirty = work.dirty ? dirtyNote : ""
  if (before.expected === work.head) {
    const acted: Acted | null =
      pushes[0]?.commit === work.head && pushes[0].status === "queued" ? { _tag: "Queued" } : null
    return { work, pull, acted, line, dirty }
  }
  const acted: Acted | null = yield* act({
    subject: grant.agent.subject,
    action: { _tag: "push", branch, commit: work.head, expected: before.expected },
    line: `${tool}: ${line}`
  })
  return { work, pull, acted, line, dirty }
})

const saveWork = agentTool({
  name: "save_work",
  description: "Saves all of your work where only Squadron can remove it, changes that are not committed included.",
  parameters: Schema.Struct({}),
  run: Effect.fnUntraced(function* () {
    const { grant } = yield* Call
    const workspaces = yield* Workspaces
    yield* place
    const saved = yield* Effect.catch(workspaces.save(grant.agent.id), (error) => refuse(`save_work: ${error.message}`))
    return saved === null
      ? { text: "All of it is saved already.", line: "save_work" }
      : { text: `Your work is saved as ${saved.commit}.`, line: `save_work: ${saved.commit.slice(0, 9)}` }
  })
})

const pushWork = agentTool({
  name: "push_work",
  description: "Pushes your commits to your branch on the forge.",
  parameters: Schema.Struct({}),
  run: () =>
    oneByOne(
      Effect.gen(function* () {
        const { branch, workspace } = yield* place
        const { acted, dirty, line, work } = yield* push(workspace, branch)
        const there = `${branch} is at ${work.head} (${work.commits.length} commits, ${work.files.length} files).${dirty}`
        if (acted === null) return { text: `It was there already: ${there}`, line } satisfies Answer
        return yield* told(acted, line, Effect.succeed(there))
      })
    )
})

const openPullRequest = agentTool({
  name: "open_pull_request",
  description: "Opens a pull request of your branch, and pushes your commits first. You have one at a time.",
  parameters: Schema.Struct({
    title: oneLine("Its title", 256),
    body: anyText("Markdown: what you changed, how you tested it, what you left out"),
    draft: Schema.optionalKey(Schema.Boolean)
  }),
  run: ({ body, draft = false, title }) =>
    oneByOne(
      Effect.gen(function* () {
        const { grant } = yield* Call
        const { branch, workspace } = yield* place
        const { role } = grant
        if (!role.tools.includes("push")) yield* onlyPushed(workspace, branch)
        const { acted: pushed, dirty, line: pushing, pull } = yield* push(workspace, branch)
        if (pushed !== null && pushed._tag !== "Done") {
          const answer = yield* told(pushed, pushing, Effect.succeed(""))
          return {
            ...answer,
            text: `${answer.text} No pull request is opened before your commits are there.`
          } satisfies Answer
        }
        if (pull?.state === "open") {
          const text = `Pull request #${pull.number} is open already, and has your commits. Its title and text are as they were; update_pull_request changes them.${dirty}`
          return { text, line: `open_pull_request: #${pull.number} is open already` } satisfies Answer
        }
        const line = `open_pull_request of ${branch} into ${workspace.base}: ${JSON.stringify(title.slice(0, 100))}`
        const acted = yield* act({
          subject: grant.agent.subject,
          action: { _tag: "open_pull_request", title, body, head: branch, base: workspace.base, draft },
          line
        })
        const opened = Effect.map(newestPull(workspace, branch), (now) =>
          now?.state === "open" ? `Pull request #${now.number} is open.${dirty}` : `The pull request is open.${dirty}`
        )
        return yield* told(acted, line, opened)
      })
    )
})

/** For a role that may open pull requests and not push: all of its work must be on the forge already. */
const onlyPushed = Effect.fnUntraced(function* (workspace: Workspace, branch: string) {
  const { grant } = yield* Call
  const work = yield* inspected(workspace)
  const [last] = yield* pushesOf(grant.agent.id, branch)
  if (last?.commit === work.head) return
  return yield* refuse(
    `open_pull_request: your commits are not on the forge, and the role ${grant.role.name} may not push.`
  )
})

const updatePullRequest = agentTool({
  name: "update_pull_request",
  description: "Changes the title or text of your own open pull request, or whether it is a draft.",
  parameters: Schema.Struct({
    title: Schema.optionalKey(oneLine("Its title", 256)),
    body: Schema.optionalKey(anyText("Markdown")),
    draft: Schema.optionalKey(Schema.Boolean)
  }),
  run: Effect.fnUntraced(function* ({ body = null, draft = null, title = null }) {
    const { branch, workspace } = yield* place
    if (title === null && body === null && draft === null) {
      return yield* refuse("update_pull_request: give a title, a body or draft.")
    }
    const pull = yield* newestPull(workspace, branch)
    if (pull?.state !== "open") return yield* refuse("update_pull_request: you have no open pull request.")
    const subject = Subject.pullRequest(pull.repository, pull.number)
    const line = `update_pull_request on ${Subject.key(subject)}`
    const acted = yield* act({ subject, action: { _tag: "update_pull_request", title, body, draft }, line })
    return yield* told(acted, line, Effect.succeed(`Pull request #${pull.number} is changed.`))
  })
})

export const workActs: ReadonlyArray<AgentTool> = [saveWork, pushWork, openPullRequest, updatePullRequest]
