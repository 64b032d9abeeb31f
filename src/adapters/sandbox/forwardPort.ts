import type { Effect, Scope } from "effect"
import { connect, createServer } from "node:net"
import type { SandboxUnavailable } from "../../domain/Errors.ts"
import { join } from "./bridge.ts"
import { serveSocket } from "./unixServer.ts"

/** Makes a unix socket whose connections reach a port of this machine's `host`, until the scope closes. */
export const forwardPort = (
  path: string,
  host: string,
  port: number
): Effect.Effect<void, SandboxUnavailable, Scope.Scope> =>
  serveSocket(path, (track) =>
    createServer({ allowHalfOpen: true }, (inside) => {
      const outside = connect({ host, port, allowHalfOpen: true })
      track(outside)
      join(inside, outside)
    })
  )
