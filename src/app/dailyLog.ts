import { Cause, Logger, References } from "effect"
import { clockTime, lines } from "./terminalText.ts"

const words = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : (JSON.stringify(part) ?? String(part))))
    .join(" ")

/**
 * The log of a running squadron on standard error: time, level, whom it is about, what was said; with the stack where
 * there is a cause.
 */
export const layer = Logger.layer([
  Logger.withConsoleError(
    Logger.make<unknown, string>(({ cause, date, fiber, logLevel, message }) => {
      const about = Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(
        ([key, value]) => `${key}=${value}`
      )
      const why = cause.reasons.length === 0 ? [] : [lines(Cause.pretty(cause))]
      return [
        [clockTime(date.getTime()), logLevel.toLowerCase(), ...about, lines(words(message))].join("  "),
        ...why
      ].join("\n")
    })
  )
])
