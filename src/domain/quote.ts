import { maySteer, type Trust } from "./Trust.ts"
import type { Quoted } from "./prompt.ts"

/** Somebody's words, with what is known of them; times in milliseconds since 1970. */
export type Words = {
  readonly what: string
  readonly author: string
  /** The least trust of those who wrote them. */
  readonly trust: Trust
  readonly createdAt: number
  readonly editedAt: number | null
  readonly body: string
}

/**
 * Words as an agent may read them. A shielded agent reads what people with write access wrote, and what stood there, and
 * stands unchanged, when one of them last vouched for the subject. Pure.
 */
export const quoteFor = (
  words: Words,
  reader: { readonly shielded: boolean; readonly vouchedAt: number | null }
): Quoted => {
  const { author, body, trust, what } = words
  const shown = { what, author, trust, shown: body, why: "" }
  if (!reader.shielded || maySteer(trust)) return shown
  const { vouchedAt } = reader
  if (vouchedAt !== null && words.createdAt <= vouchedAt && (words.editedAt ?? 0) <= vouchedAt) return shown
  const since =
    vouchedAt === null
      ? "and nobody who has it has vouched for it"
      : words.createdAt > vouchedAt
        ? "and it came after somebody who has it vouched for what was there"
        : "and it was changed after somebody who has it vouched for it"
  return { what, author, trust, shown: null, why: `whoever wrote it has no write access, ${since}` }
}
