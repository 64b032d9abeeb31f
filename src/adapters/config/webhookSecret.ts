import { randomBytes } from "node:crypto"
import { Effect, FileSystem, Path, Redacted } from "effect"

/**
 * The webhook secret in the state folder, readable by its owner only: made on first use where `make` is true, null
 * where there is none.
 */
export const webhookSecret = Effect.fn("Config.webhookSecret")(function* (stateDir: string, make: boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(stateDir, "webhook-secret")
  if (yield* fs.exists(file)) return Redacted.make((yield* fs.readFileString(file)).trim())
  if (!make) return null
  const secret = randomBytes(32).toString("hex")
  yield* fs.writeFileString(file, `${secret}\n`, { mode: 0o600 })
  return Redacted.make(secret)
})
