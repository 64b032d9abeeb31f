import { Console, Effect } from "effect"
import { CliOutput } from "effect/cli"
import { line } from "../app/terminalText.ts"
import { root } from "./root.ts"

/** At most so many columns, with `…` for what is left out. */
export const fit = (text: string, columns: number): string => {
  const clean = line(text)
  if (CliOutput.displayWidth(clean) <= columns) return clean
  let kept = ""
  for (const character of clean) {
    if (CliOutput.displayWidth(kept + character) >= columns) break
    kept += character
  }
  return `${kept}…`
}

const pad = (text: string, columns: number): string => text + " ".repeat(columns - CliOutput.displayWidth(text))

/** Columns under their heads, each as wide as its widest cell and at most 60, the last one 100; two spaces between. */
export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const cells = [
    heads,
    ...rows.map((row) => row.map((cell, column) => fit(String(cell), column === heads.length - 1 ? 100 : 60)))
  ]
  const widths = heads.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, CliOutput.displayWidth(row[column] ?? "")), 0)
  )
  return cells
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const units: ReadonlyArray<readonly [name: string, milliseconds: number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
]

/** A length of time in its largest whole unit: `3m`. */
export const span = (milliseconds: number): string => {
  const found = units.find(([, size]) => milliseconds >= size)
  return found === undefined ? "0s" : `${Math.floor(milliseconds / found[1])}${found[0]}`
}

/** How long ago: `3m ago`, or `just now`. */
export const age = (now: number, at: number): string => (now - at < 1_000 ? "just now" : `${span(now - at)} ago`)

/** Prints a value as JSON where asked for, else as text. */
export const print = Effect.fn("cli.print")(function* (value: unknown, text: string) {
  const { json } = yield* root
  yield* Console.log(json ? JSON.stringify(value, null, 2) : text)
})

/** Says something to the person beside what is printed; on standard error, so that pipes stay clean. */
export const hint = (text: string): Effect.Effect<void> => Console.error(text)
