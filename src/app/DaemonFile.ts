import { Effect, FileSystem, Option, Path, Schema } from "effect"

/** Where a running daemon can be found: its address file's content. */
export const DaemonRecord = Schema.Struct({
  url: Schema.String,
  pid: Schema.Int,
  /** Absolute path of the file that holds the token, where the daemon made one. */
  tokenFile: Schema.NullOr(Schema.String)
})
export type DaemonRecord = typeof DaemonRecord.Type

/** The folder of a daemon's state, below the folder that it was started for. */
const stateFolder = ".squadron-state"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(DaemonRecord))
const encode = Schema.encodeEffect(Schema.fromJsonString(DaemonRecord))

const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.option(fs.readFileString(file))
  return Option.flatMap(text, decode)
})

/** The daemon of this folder, or of the nearest folder above that has one. */
export const find = Effect.fn("DaemonFile.find")(function* (folder: string) {
  const path = yield* Path.Path
  let here = path.resolve(folder)
  while (true) {
    const found = yield* read(path.join(here, stateFolder, "daemon.json"))
    const above = path.dirname(here)
    if (Option.isSome(found) || above === here) return found
    here = above
  }
})

/** Tells where the daemon is until the scope closes. The file appears whole, and only its owner can read it. */
export const announce = Effect.fn("DaemonFile.announce")(function* (root: string, record: DaemonRecord) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.resolve(root, stateFolder)
  const file = path.join(folder, "daemon.json")
  const draft = `${file}.${record.pid}`
  const write = Effect.gen(function* () {
    const text = yield* Effect.orDie(encode(record))
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* fs.writeFileString(draft, `${text}\n`, { mode: 0o600 })
    yield* fs.rename(draft, file)
  })
  // Another daemon may have taken the place meanwhile; its record stays.
  const withdraw = Effect.gen(function* () {
    const there = yield* read(file)
    if (Option.isSome(there) && there.value.pid === record.pid) yield* fs.remove(file)
  })
  yield* Effect.acquireRelease(write, () => Effect.ignore(withdraw))
})
