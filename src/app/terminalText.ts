import { DateTime } from "effect"

// Texts come from anybody; a terminal must not obey what is hidden in them.
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]+/gu

/** One line, without what a terminal would act on. */
export const line = (text: string): string => text.replace(obeyed, " ").trim()

/** The same, but its own line breaks stay. */
export const lines = (text: string): string => text.split(/\r?\n/).map(line).join("\n")

/** `14:03:27`, where the reader is. */
export const clockTime = (at: number): string =>
  DateTime.formatIsoOffset(DateTime.makeZonedUnsafe(at, { timeZone: DateTime.zoneMakeLocal() })).slice(11, 19)
