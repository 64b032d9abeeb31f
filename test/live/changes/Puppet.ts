/** What tests write for the puppet to do, and what it wrote down of what it saw. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export type Step =
  | { readonly sh: string }
  | { readonly tool: readonly [name: string, input?: unknown] }
  | { readonly say: string }
  /** Until a file of this name is in the folder of its notes. */
  | { readonly wait: string }
  | { readonly hang: true }
  | { readonly exit: number }

/** Steps by role, an entry a turn; see puppet/mind.mjs. */
export type Script = Readonly<
  Record<string, ReadonlyArray<{ readonly when?: string; readonly do: ReadonlyArray<Step> }>>
>

export const scripted = (script: Script): string => `\`\`\`json\n${JSON.stringify(script)}\n\`\`\``

/** Commits all that is there. */
export const commit = (message: string): Step => ({ sh: `git add --all && git commit -q -m "${message}"` })

/** Writes a line to a file and commits it. */
export const write = (file: string, line: string): ReadonlyArray<Step> => [
  { sh: `mkdir -p "$(dirname ${file})" && echo "${line}" > ${file}` },
  commit(`write ${file}`)
]

export const push: Step = { tool: ["push_work"] }
export const done: Step = { tool: ["report_done", { summary: "Did what the script says." }] }
export const openPull = (title: string, body = "As the script says."): Step => ({
  tool: ["open_pull_request", { title, body }]
})

/** Starts a grandchild in a session of its own, and goes on when it is there: nothing but its daemon ends it. */
export const company: Step = {
  sh: [
    "setsid sh -c 'touch ../home/there; exec sleep 4171' > /dev/null 2>&1 &",
    "until test -e ../home/there; do sleep 0.02; done"
  ].join("\n")
}

/** A line of its notes. */
export type Note = {
  readonly environment?: Readonly<Record<string, string>>
  readonly tools?: ReadonlyArray<string>
  /** What it was given to reach its tools. */
  readonly headers?: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly prompt?: string
  readonly sh?: string
  readonly out?: string
  readonly err?: string
  readonly code?: number
  readonly tool?: string
  readonly text?: string
  readonly refused?: string
  readonly waits?: string
  readonly hangs?: true
  readonly ends?: true
}

/** All that an agent's processes noted in a folder, run after run. */
export const notesIn = (folder: string, agent: string): ReadonlyArray<Note> =>
  readdirSync(folder)
    .filter((name) => name.startsWith(`${agent}.`) && name.endsWith(".jsonl"))
    .toSorted((one, other) => Number(one.split(".").at(-2)) - Number(other.split(".").at(-2)))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1))
    .map((line) => JSON.parse(line) as Note)

export const promptsOf = (notes: ReadonlyArray<Note>): ReadonlyArray<string> =>
  notes.flatMap(({ prompt }) => (prompt === undefined ? [] : [prompt]))

/** The output of a command that was run once. */
export const outputOf = (notes: ReadonlyArray<Note>, sh: string): string =>
  notes.findLast((note) => note.sh === sh)?.out?.trim() ?? ""

/** What its calls of a tool were answered, in their order. */
export const answersOf = (notes: ReadonlyArray<Note>, tool: string): ReadonlyArray<string> =>
  notes.flatMap((note) => (note.tool === tool ? [note.text ?? `refused: ${note.refused}`] : []))
