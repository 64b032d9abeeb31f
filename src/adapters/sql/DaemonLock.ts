import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, Predicate, Schema } from "effect"
import { DatabaseUnusable } from "./Database.ts"

const BUSY = 5

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
export const layer = (folder: string): Layer.Layer<never, DaemonRunning | DatabaseUnusable> => {
  const file = `${folder}/daemon.lock`
  return Layer.effectDiscard(
    Effect.acquireRelease(
      Effect.try({
        try: () => {
          const db = new DatabaseSync(file, { timeout: 0 })
          try {
            db.exec("BEGIN EXCLUSIVE")
            return db
          } catch (cause) {
            db.close()
            throw cause
          }
        },
        catch: (cause) =>
          Predicate.hasProperty(cause, "errcode") && cause.errcode === BUSY
            ? new DaemonRunning({ folder })
            : new DatabaseUnusable({
                file,
                problem: cause instanceof Error ? cause.message : String(cause),
                remedy: "See that the folder exists and that files in it may be written"
              })
      }),
      (db) => Effect.sync(() => db.close())
    )
  )
}
