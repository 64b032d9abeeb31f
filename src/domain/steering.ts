import type { Agent } from "./Agent.ts"
import { roleOfId } from "./Agent.ts"
import type { Event } from "./Event.ts"
import { canWrite, type Role, roleOf, type Squad } from "./Role.ts"
import { atLeast, least as leastOf, maySteer, trustOf, type Trust } from "./Trust.ts"

/**
 * Whether a role reads only what people with write access wrote or vouched for: roles that can write, and roles whose
 * reviews those act on. What any other role says may repeat a stranger's words.
 */
export const isShielded = (role: Role): boolean => canWrite(role) || role.tools.includes("review")

/** How far an agent's own words are trusted: as far as what its role gets to read. */
export const trustOfAgent = (squad: Squad, agent: string): Trust => {
  const role = roleOf(squad, roleOfId(agent))
  return role !== undefined && isShielded(role) ? "write" : "none"
}

/** Whether an author's name is that of an agent of the squad; where it is a person's, that one's trust counts as well. */
const isAgentOf = (squad: Squad, author: string): boolean =>
  roleOfId(author) !== author && roleOf(squad, roleOfId(author)) !== undefined

/** Whether an event may wake a role. `vouches`: it is by a person whose word makes the subject's texts so far trusted. */
export type Steering =
  | { readonly allowed: true; readonly vouches: boolean }
  | { readonly allowed: false; readonly why: string; readonly waits: boolean }

const yes = (vouches: boolean): Steering => ({ allowed: true, vouches })

/**
 * Judges an event by whose words the woken agent would act on: of a person's event that person's, of an agent's or
 * Squadron's event also those of whoever wrote the subject's text. `held` is the role's live agent there. Pure.
 */
export const steers = (squad: Squad, role: Role, event: Event, held: Agent | undefined): Steering => {
  const { actor, detail } = event
  const least: Trust = canWrite(role) && !maySteer(role.minTrust) ? "write" : role.minTrust
  if (least === "none") return yes(false)
  if (actor.kind === "person" || actor.kind === "bot") {
    const trust = trustOf(actor)
    if (atLeast(trust, least)) return yes(maySteer(trust))
    return { allowed: false, why: `wants ${least} access of who wakes it; ${actor.login} has ${trust}`, waits: false }
  }
  // An agent or Squadron did it: a person's vouching for the subject still stands, else the text must be trusted.
  if (held !== undefined && held.vouchedAt !== null && !detail._tag.startsWith("comment.")) return yes(false)
  const written = "issue" in detail ? detail.issue : "pullRequest" in detail ? detail.pullRequest : undefined
  // an agent's own text is trusted as far as what its role gets to read
  const text =
    written === undefined
      ? undefined
      : isAgentOf(squad, written.author)
        ? leastOf(written.trust ?? "none", trustOfAgent(squad, written.author))
        : (written.trust ?? "none")
  if (text !== undefined) {
    return atLeast(text, least)
      ? yes(false)
      : {
          allowed: false,
          why: `wants ${least} access of who wrote the text, or somebody's word who has it`,
          waits: true
        }
  }
  const speaker: Trust =
    actor.kind === "system" ? "admin" : event.causedBy === null ? "none" : trustOfAgent(squad, event.causedBy)
  return atLeast(speaker, least)
    ? yes(false)
    : { allowed: false, why: "does not listen to agents that read what strangers write", waits: false }
}
