import { Effect, Option, Path } from "effect"
import { Argument, Command } from "effect/cli"
import type { Check } from "../../app/doctor/Check.ts"
import { line } from "../../app/terminalText.ts"
import { Failed } from "../failures.ts"
import { print } from "../render.ts"
import { root } from "../root.ts"

const marks = { ok: "✓", warning: "!", missing: "✗" } as const

/** One line for each check, and one below it for what to do. */
const page = (checks: ReadonlyArray<Check>): string => {
  const width = checks.reduce((widest, { name }) => Math.max(widest, name.length), 0)
  return checks
    .flatMap(({ name, remedy, status, text }) => [
      `${marks[status]} ${line(name).padEnd(width)}  ${line(text)}`,
      ...(remedy === null ? [] : [`${" ".repeat(width + 4)}→ ${line(remedy)}`])
    ])
    .join("\n")
}

export const doctor = Command.make(
  "doctor",
  {
    dir: Argument.Directory("dir", { mustExist: true }).pipe(
      Argument.withDescription("Folder with .squadron/config.yaml; this one unless told"),
      Argument.optional
    )
  },
  Effect.fn("cli.doctor")(function* ({ dir }) {
    const flags = yield* root
    const folder = (yield* Path.Path).resolve(Option.getOrElse(dir, () => flags.dir))
    // Nothing else on the command line looks at so much.
    const { examine } = yield* Effect.promise(() => import("../../app/doctor.ts"))
    const checks = yield* examine(folder)
    const count = checks.filter(({ status }) => status === "missing").length
    yield* print({ healthy: count === 0, checks }, page(checks))
    if (count > 0) {
      return yield* new Failed({ reason: count === 1 ? "One thing is missing." : `${count} things are missing.` })
    }
  })
).pipe(
  Command.withDescription("Look at what a squadron needs, and say what is missing"),
  Command.withExamples([
    {
      command: "squadron doctor",
      description: "Look at the squadron of this folder; exit code 1 where it cannot work"
    },
    { command: "squadron doctor --json", description: "The same for a program" }
  ])
)
