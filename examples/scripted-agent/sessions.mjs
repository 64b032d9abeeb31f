// Sessions on disk, so that they can be loaded after the process was killed.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const folder = () => join(homedir(), ".scripted-agent")
const fileOf = (id) => join(folder(), `${id}.json`)
const isId = (id) => /^[0-9a-f-]{36}$/.test(id)

const keptLines = 200
const longestLine = 4000

/** A session that nobody has talked in yet. `memory` is what the part has to know at its next turn. */
export const freshSession = (id, part, cwd) => ({ id, part, cwd, history: [], calls: 0, memory: {} })

/** Writes the session; a crash in the middle leaves the one that was there. */
export const saveSession = (session) => {
  mkdirSync(folder(), { recursive: true })
  const file = fileOf(session.id)
  writeFileSync(`${file}.new`, JSON.stringify(session))
  renameSync(`${file}.new`, file)
}

/** The session of that id, or null where there is none that can be read. */
export const loadSession = (id) => {
  if (!isId(id)) return null
  try {
    const session = JSON.parse(readFileSync(fileOf(id), "utf8"))
    return session.id === id ? session : null
  } catch {
    return null
  }
}

/** Adds what was said, by `user` or `agent`; very long talks lose their beginning. */
export const record = (session, from, text) => {
  session.history = [...session.history, { from, text: text.slice(0, longestLine) }].slice(-keptLines)
}
