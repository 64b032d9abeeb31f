import { Effect, Schema } from "effect"
import { connect as open, createServer, type Server, type Socket } from "node:net"

/** Nobody listens there. */
class NotListening extends Schema.TaggedError<NotListening>()("NotListening", { code: Schema.String }) {}

/** A program that holds a free port of a host. */
export const serverOn = (host: string) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer()
      server.listen(0, host, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

export const someServer = serverOn("127.0.0.1")

export const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** Succeeds where somebody listens. */
export const connect = (host: string, port: number) =>
  Effect.callback<void, NotListening>((resume) => {
    const socket = open(port, host, () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.on("error", (error) => resume(Effect.fail(new NotListening({ code: error.message }))))
  })

/** Sends these lines, and neither anything more nor an end; the connection is broken off with the scope. */
export const sendOpen = (host: string, port: number, ...lines: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<Socket, NotListening>((resume) => {
      const socket = open(port, host, () => {
        if (lines.length === 0) return resume(Effect.succeed(socket))
        socket.write(lines.join("\r\n"), () => resume(Effect.succeed(socket)))
      })
      // as long as nobody listens for data, none is read
      socket.on("error", (error) => resume(Effect.fail(new NotListening({ code: error.message }))))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
