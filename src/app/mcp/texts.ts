import { Effect } from "effect"
import type { Agent } from "../../domain/Agent.ts"
import { type Readable, readable, type Text } from "../../domain/discussion.ts"
import { isShielded } from "../../domain/steering.ts"
import { authorTrust } from "../../services/authorTrust.ts"
import { Forge, type Written } from "../../services/Forge.ts"
import { Squads } from "../../services/Squads.ts"
import { agentNow, Call, Consent } from "./Call.ts"

/** Reads texts as the calling agent may: who wrote them is asked once in a call, and nobody who is not known is trusted. */
export const makeReader = Effect.gen(function* () {
  const { grant } = yield* Call
  const forge = yield* Forge
  const squad = yield* (yield* Squads).current
  const consent = yield* Consent
  const agent: Agent = yield* agentNow
  const { repository } = agent.subject
  const trust = authorTrust(forge, squad, repository)
  const shielded = isShielded(grant.role)
  const vouchedAt = consent.vouched(agent)
  /** Nobody vouched for more than the agent's own subject and its pull request. */
  const isOwn = (number: number): boolean => number === agent.subject.number || number === agent.pullRequest

  /** `on` is the issue or pull request that the words stand on. */
  const read = Effect.fnUntraced(function* (on: number, what: string, words: Written, body = words.body) {
    const { author, createdAt, editedAt, editor } = words
    const text: Text = {
      what,
      author,
      trust: yield* trust({ ...words, editor: null }),
      editor,
      editorTrust: editor === null || editor === author ? null : yield* trust({ author: editor, editor: null }),
      createdAt,
      editedAt,
      body
    }
    const result: Readable = readable(text, { shielded, vouchedAt: isOwn(on) ? vouchedAt : null })
    return result
  })
  return { agent, repository, read }
})
