import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, Schema } from "effect"

/** Another daemon works on this state folder. */
export class DaemonRunning extends Schema.TaggedError<DaemonRunning>()("DaemonRunning", { folder: Schema.String }) {
  override get message() {
    return `Another squadron works on ${this.folder}. Stop it first, or give this one another \`stateDir\`.`
  }
}

/**
 * Holds the state folder for this process. The lock is the operating system's, through SQLite, so it ends with the
 * process however that ends, and nothing stale is ever left behind.
 */
export const layer = (folder: string): Layer.Layer<never, DaemonRunning> =>
  Layer.effectDiscard(
    Effect.acquireRelease(
      Effect.try({
        try: () => {
          const db = new DatabaseSync(`${folder}/daemon.lock`, { timeout: 0 })
          db.exec("BEGIN EXCLUSIVE")
          return db
        },
        catch: () => new DaemonRunning({ folder })
      }),
      (db) => Effect.sync(() => db.close())
    )
  )
