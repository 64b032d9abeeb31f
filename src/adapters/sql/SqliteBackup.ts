import { Effect, FileSystem, Layer } from "effect"
import { Backup, BackupFailed } from "../../services/Backup.ts"
import { SqliteClient } from "./SqliteClient.ts"

/** Copies the SQLite database while it is written. */
export const layer: Layer.Layer<Backup, never, SqliteClient | FileSystem.FileSystem> = Layer.effect(
  Backup,
  Effect.gen(function* () {
    const sqlite = yield* SqliteClient
    const fs = yield* FileSystem.FileSystem
    return Backup.of({
      to: Effect.fn("Backup.to")(function* (path: string) {
        yield* Effect.mapError(
          sqlite.backup(path),
          (error) =>
            new BackupFailed({ path, reason: error.cause instanceof Error ? error.cause.message : error.message })
        )
        const { size } = yield* Effect.mapError(
          fs.stat(path),
          (error) => new BackupFailed({ path, reason: error.message })
        )
        return { bytes: Number(size) }
      })
    })
  })
)
