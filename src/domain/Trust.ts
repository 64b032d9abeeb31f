import { Schema } from "effect"

/** What a person may do in a repository, as the forge's permission data says; each level includes those before it. */
export const Trust = Schema.Literals(["none", "read", "triage", "write", "maintain", "admin"])
export type Trust = typeof Trust.Type

const rank = (trust: Trust): number => Trust.literals.indexOf(trust)

/** Whether `trust` is `level` or higher. */
export const atLeast = (trust: Trust, level: Trust): boolean => rank(trust) >= rank(level)

/** The lower of two levels. */
export const least = (one: Trust, other: Trust): Trust => (rank(one) <= rank(other) ? one : other)

/** How far an actor is trusted: what the forge said of a person, all for Squadron itself, nothing where nobody said. */
export const trustOf = (actor: { readonly kind: string; readonly trust?: Trust }): Trust =>
  actor.trust ?? (actor.kind === "system" ? "admin" : "none")

/** Whose words may steer an agent that can write. */
export const maySteer = (trust: Trust): boolean => atLeast(trust, "write")
