import { Effect, Layer } from "effect"
import { Sandbox } from "../../services/Sandbox.ts"

/** No sandbox: programs start as they are, and reach all that the daemon's user reaches. */
export const layer = Layer.succeed(
  Sandbox,
  Sandbox.of({ kind: "none", enclose: ({ cwd, env, run }) => Effect.succeed({ run, cwd, env }) })
)
