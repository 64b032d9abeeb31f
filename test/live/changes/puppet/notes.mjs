// What the puppet saw, a JSON line each, for the test to read: in the folder PUPPET_LOG, or in its HOME without one.
import { appendFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** Where its notes are, and the files that it waits for. */
export const folder = process.env.PUPPET_LOG || homedir()
const file = join(folder, `${(process.env.SQUADRON_RUN ?? "unknown").replace("/", ".")}.jsonl`)

export const note = (line) => appendFileSync(file, `${JSON.stringify(line)}\n`)
