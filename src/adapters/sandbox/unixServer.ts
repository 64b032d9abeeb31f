import { Effect, type Scope } from "effect"
import type { Server } from "node:net"
import type { Duplex } from "node:stream"
import { SandboxUnavailable } from "../../domain/Errors.ts"

/** Connections at once through one socket; further ones are refused, so that nobody uses up the daemon's files. */
const mostConnections = 256

/**
 * Serves a unix socket until the scope closes, which ends the server, its connections and all that were given to
 * `track`.
 */
export const serveSocket = (
  path: string,
  make: (track: (connection: Duplex) => void) => Server
): Effect.Effect<void, SandboxUnavailable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<(done: () => void) => void, SandboxUnavailable>((resume) => {
      const open = new Set<Duplex>()
      let closed = false
      const track = (connection: Duplex): void => {
        // Its target may have been looked up while the server was closing.
        if (closed) return void connection.destroy()
        open.add(connection)
        connection.once("close", () => open.delete(connection))
      }
      const close = (done: () => void): void => {
        closed = true
        server.close(done)
        for (const connection of open) connection.destroy()
      }
      const server = make(track)
      server.maxConnections = mostConnections
      server.on("connection", track)
      server.once("error", (error) =>
        resume(
          Effect.fail(
            new SandboxUnavailable({
              reason: `no socket can be made at ${path} (${error.message})`,
              remedy: "Point TMPDIR at a folder that the daemon may write to."
            })
          )
        )
      )
      server.listen(path, () => resume(Effect.succeed(close)))
    }),
    (close) => Effect.callback<void>((resume) => close(() => resume(Effect.void)))
  )
