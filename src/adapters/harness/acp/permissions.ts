import type { RequestPermissionOutcome } from "@agentclientprotocol/sdk"
import type { HarnessSpec } from "../../../domain/Role.ts"
import type { Message } from "../../../domain/Message.ts"
import { namesTool } from "../../../domain/toolCall.ts"
import { brief, isObject, type Json, listOf, objectOf, textOf } from "./json.ts"

type Policy = Extract<HarnessSpec, { readonly _tag: "acp" }>["permissions"]

/** Requests for permission in one turn; more are a flood. */
const most = 1000

/** Questions of one turn that a person is asked, at most. */
const askedAtMost = 5

/** Tool calls that are remembered until the agent asks for them: the newest. */
const remembered = 100

/** Answers an agent's requests for permission in one turn. */
export type Permissions = {
  /** Takes a session's update: an agent may tell a tool call first, and ask for it by its id afterwards. */
  update(update: Json): void
  /** Always has an answer. */
  answer(params: unknown): RequestPermissionOutcome
  /** From now on nothing is permitted: the turn is being cancelled. */
  cancel(): void
  /** What a person is to decide, or null. */
  readonly question: string | null
}

/**
 * Whether a person has just allowed what the agent asked for: the newest answer among the turn's messages begins with
 * "allow" or "yes". It then holds for all requests of the turn.
 */
export const allowedByPerson = (messages: ReadonlyArray<Message>): boolean =>
  /^\s*(?:allow|yes)\b/i.test(messages.findLast(({ kind }) => kind === "answer")?.text ?? "")

/** The option of the first of these kinds that is there. Names and positions mean nothing. */
const choose = (options: ReadonlyArray<Json>, kinds: ReadonlyArray<string>): RequestPermissionOutcome => {
  for (const kind of kinds) {
    const optionId = options.find((option) => option["kind"] === kind)?.["optionId"]
    if (typeof optionId === "string") return { outcome: "selected", optionId }
  }
  return { outcome: "cancelled" }
}

const allow = ["allow_once", "allow_always"]
const reject = ["reject_once", "reject_always"]

/** The tool's name where the agent's program, and not its model, says it apart. */
const toolNameOf = (call: Json): string => textOf(objectOf(call["_meta"])["toolName"])

/**
 * Whether the agent asks to call one of Squadron's own tools. `told` is the call as it was told before, if it was. The
 * first name that is there counts: the request's title may be made up of the call's arguments, or say no more than that
 * this is a request. What those tools may do is decided where they are called, so a wrong yes here permits nothing: the
 * agent would have to call its own tool by our tool's exact name. A call that has a kind of its own is none of ours.
 */
const isOwnTool = (call: Json, told: Json): boolean => {
  const names = [toolNameOf(call), toolNameOf(told), textOf(told["title"]), textOf(call["title"])]
  return (
    namesTool(names.map((name) => name.trim()).find((name) => name !== "") ?? "") &&
    [call, told].every(({ kind, locations }) => ["", "other"].includes(textOf(kind)) && listOf(locations).length === 0)
  )
}

const questionOf = (call: Json, options: ReadonlyArray<Json>): string => {
  const kind = brief(textOf(call["kind"]), 40)
  const paths = listOf(call["locations"])
    .map((location) => textOf(objectOf(location)["path"]))
    .filter((path) => path !== "")
  const input = call["rawInput"] === undefined ? "" : brief(JSON.stringify(call["rawInput"]) ?? "", 500)
  return [
    `It asks for permission: ${brief(textOf(call["title"]), 300) || "a tool call without a title"}`,
    kind === "" ? "" : ` (${kind})`,
    paths.length === 0 ? "" : `, on ${brief(paths.slice(0, 10).join(", "), 500)}`,
    input === "" ? "" : `, with ${input}`,
    `. Its options: ${brief(options.map((option) => textOf(option["name"])).join("; "), 300) || "none"}.`
  ].join("")
}

/**
 * Answers by the kind of an option: with `allow` once rather than always, with `deny` likewise. `ask` rejects now and
 * has a person asked, unless one has `allowed` it already. Squadron's own tools are always permitted: what those may do is
 * decided by the role's `tools`.
 */
export const makePermissions = (options: {
  readonly policy: Policy
  readonly allowed: boolean
  readonly onFlood: (sentence: string) => void
}): Permissions => {
  const questions = new Set<string>()
  const calls = new Map<string, Json>()
  let count = 0
  let cancelled = false
  const policy = options.policy === "ask" && options.allowed ? "allow" : options.policy

  return {
    update: (update) => {
      const id = textOf(update["toolCallId"])
      if (update["sessionUpdate"] !== "tool_call" || id === "") return
      calls.set(id, update)
      for (const oldest of calls.keys()) {
        if (calls.size <= remembered) break
        calls.delete(oldest)
      }
    },
    answer: (params) => {
      count += 1
      if (count === most + 1) options.onFlood(`asked for permission more than ${most} times in one turn`)
      if (cancelled || count > most) return { outcome: "cancelled" }
      const request = objectOf(params)
      const offered = listOf(request["options"]).filter(isObject)
      const call = objectOf(request["toolCall"])
      const told = calls.get(textOf(call["toolCallId"])) ?? {}
      if (policy === "allow" || isOwnTool(call, told)) return choose(offered, allow)
      if (policy === "ask" && questions.size < askedAtMost) questions.add(questionOf(call, offered))
      return choose(offered, reject)
    },
    cancel: () => {
      cancelled = true
    },
    get question() {
      if (questions.size === 0) return null
      return [...questions, "Answer `allow` to permit it, or say what it shall do instead."].join("\n")
    }
  }
}
