import { Context, type Effect, Schema } from "effect"

/** No copy was made at this path. */
export class BackupFailed extends Schema.TaggedError<BackupFailed>()(
  "BackupFailed",
  {
    path: Schema.String,
    reason: Schema.String
  },
  { httpApiStatus: 422 }
) {
  override get message() {
    return `No backup at ${this.path}: ${this.reason}`
  }
}

/** Copies the durable state while the squadron runs. */
export class Backup extends Context.Service<
  Backup,
  {
    /** A consistent copy of everything committed so far, at an absolute path where no file is yet. */
    to(path: string): Effect.Effect<{ readonly bytes: number }, BackupFailed>
  }
>()("squadron/services/Backup") {}
