import type { Outcome } from "../../../domain/Outcome.ts"
import { brief, isObject, listOf, objectOf, textOf } from "./json.ts"
import type { RpcFailed } from "./Wire.ts"

/** ACP's code for "authentication required". */
const authRequired = -32_000

/** How long a rate limit is respected where the agent does not say, in milliseconds. */
const rateLimitWait = 60_000

/** All name–value pairs in what an agent told with an error, outermost first; bounded. */
const pairsOf = (data: unknown): ReadonlyArray<readonly [name: string, value: unknown]> => {
  const pairs: Array<readonly [string, unknown]> = []
  const waiting: Array<{ readonly value: unknown; readonly depth: number }> = [{ value: data, depth: 0 }]
  for (let next = waiting.shift(); next !== undefined && pairs.length < 200; next = waiting.shift()) {
    const inner = Array.isArray(next.value) ? next.value.slice(0, 20).map((item) => ["", item] as const) : null
    for (const [name, value] of inner ?? (isObject(next.value) ? Object.entries(next.value) : [])) {
      pairs.push([name.toLowerCase().replaceAll(/[_\s-]/g, ""), value])
      if (next.depth < 4) waiting.push({ value, depth: next.depth + 1 })
    }
  }
  return pairs
}

/** A moment in milliseconds since 1970, given as such, in seconds, or as the ISO standard writes it. */
const momentOf = (value: unknown): number | null => {
  const number = typeof value === "string" && /^\d{10,13}$/.test(value) ? Number(value) : value
  if (typeof number === "number") {
    const millis = number < 100_000_000_000 ? number * 1000 : number
    return Number.isSafeInteger(Math.round(millis)) && millis > 0 ? Math.round(millis) : null
  }
  const parsed = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(parsed) ? null : parsed
}

const statusNames = new Set(["status", "statuscode", "httpstatus", "code"])
const resetNames = new Set(["resetat", "resetsat", "resettime", "quotareset", "quotaresetat", "resetdate"])

/** When a used-up quota is there again, or null where the error does not say. */
const resetOf = (pairs: ReturnType<typeof pairsOf>, text: string): number | null => {
  for (const [name, value] of pairs) {
    const moment = resetNames.has(name) ? momentOf(value) : null
    if (moment !== null) return moment
  }
  return momentOf(/limit reached\|(\d{10,13})\b/i.exec(text)?.[1])
}

/** How long to wait, in milliseconds, or null where the error does not say. */
const waitOf = (pairs: ReturnType<typeof pairsOf>, text: string): number | null => {
  for (const [name, value] of pairs) {
    const seconds = name === "retryafter" || name === "retryafterseconds" ? Number(value) : Number.NaN
    const millis = name === "retryafterms" ? Number(value) : seconds * 1000
    if (Number.isFinite(millis) && millis > 0) return Math.ceil(millis)
  }
  const said = /\bretry[ -]after:? (\d+(?:\.\d+)?)\b|\b(?:try again|retry) in (\d+(?:\.\d+)?) ?s/i.exec(text)
  return said === null ? null : Math.ceil(Number(said[1] ?? said[2]) * 1000)
}

/** The longest wait that an agent's word is taken for, in milliseconds: a day, or 35 days for a quota. */
const longest = { wait: 86_400_000, quota: 35 * 86_400_000 }

/**
 * What an error in answer to a request means. Only what it says in so many words makes it more than a crash; `now` is
 * in milliseconds since 1970, `hint` says how to sign in.
 */
export const outcomeOfError = (error: RpcFailed, now: number, hint: string): Outcome => {
  const pairs = pairsOf(error.data)
  const details = pairs.flatMap(([, value]) => (typeof value === "string" ? [value] : []))
  const text = [error.text, typeof error.data === "string" ? error.data : "", ...details].join("\n")
  const statuses = new Set(pairs.flatMap(([name, value]) => (statusNames.has(name) ? [Number(value)] : [])))
  const has = (status: number): boolean =>
    statuses.has(status) || new RegExp(`\\b(?:HTTP|status|error|code)\\W{0,3}${status}\\b`, "i").test(text)

  const resetAt = /quota|usage limit|limit reached|credits?\b/i.test(text) ? resetOf(pairs, text) : null
  if (resetAt !== null && resetAt > now && resetAt <= now + longest.quota) return { _tag: "QuotaLimited", resetAt }
  if (has(429) || /rate.?limit|too many requests|retry.after/i.test(text)) {
    const retryAfter = Math.min(waitOf(pairs, text) ?? rateLimitWait, longest.wait)
    return { _tag: "RateLimited", retryAfter }
  }
  const unauthorized =
    error.code === authRequired ||
    has(401) ||
    /authentication (?:is )?(?:required|failed|error)|invalid (?:x-)?api.?key|not (?:logged|signed) in/i.test(text)
  const said = brief(`${error.text}${details.length === 0 ? "" : ` (${details.join("; ")})`}`, 1000)
  return unauthorized
    ? { _tag: "NotAuthorized", reason: `the agent answered \`${error.method}\` with: ${said}. ${hint}` }
    : { _tag: "Crashed", exit: null, stderr: `the agent answered \`${error.method}\` with: ${said} (${error.code})` }
}

/** What else is known of a turn when its prompt is answered. */
export type TurnFacts = {
  /** What the agent reported by its tools. */
  readonly reported: Outcome | null
  /** Tools that it called and may not use. */
  readonly denied: ReadonlyArray<string>
  /** What a person is to decide. */
  readonly question: string | null
}

/** What a prompt's answer comes to. That a turn has ended says nothing of its success. */
export const outcomeOfAnswer = (answer: unknown, facts: TurnFacts): Outcome => {
  const reason = objectOf(answer)["stopReason"]
  const ended: Outcome | null =
    facts.question !== null
      ? { _tag: "NeedsInput", question: facts.question }
      : facts.denied.length > 0
        ? { _tag: "ToolsDenied", tools: [...new Set(facts.denied)] }
        : null
  switch (reason) {
    case "end_turn":
      return ended ?? facts.reported ?? { _tag: "TurnEnded" }
    case "max_tokens":
    case "max_turn_requests":
      return ended ?? { _tag: "TurnCap", progressed: true }
    case "refusal":
      return { _tag: "Refused", reason: "the agent's model refused to go on" }
    case "cancelled":
      // some agents end a turn so when they are not permitted something
      return ended ?? { _tag: "TurnEnded" }
    default: {
      const given = typeof reason === "string" ? `the stop reason \`${brief(reason, 100)}\`` : "no stop reason"
      return {
        _tag: "ProtocolError",
        message: `the agent ended its turn with ${given}, which ACP 1 does not have. Use a version of it that speaks ACP 1.`
      }
    }
  }
}

/** How a person can sign in with the agent, as far as it says. */
export const signInHint = (initialized: unknown): string => {
  const names = listOf(objectOf(initialized)["authMethods"])
    .map((method) => textOf(objectOf(method)["name"]) || textOf(objectOf(method)["id"]))
    .filter((name) => name !== "")
  const offered = names.length === 0 ? "" : ` It offers: ${brief(names.join(", "), 300)}.`
  return `Put its key into the daemon's environment and name the variable in the role's \`env\`.${offered}`
}
