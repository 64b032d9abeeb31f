import { spawn } from "node:child_process"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"
import { git } from "./Rig.ts"

/** What the server does with a request before git sees it; true where it has answered. */
export type Gate = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>

const serve = (folder: string, request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? "/", "http://localhost")
  const backend = spawn(`${git(folder, "--exec-path")}/git-http-backend`, [], {
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? ""
    },
    stdio: ["pipe", "pipe", "inherit"]
  })
  request.pipe(backend.stdin)
  backend.stdin.on("error", () => {})
  let head = ""
  backend.stdout.on("data", (bytes: Buffer) => {
    if (response.headersSent) return void response.write(bytes)
    head += bytes.toString("latin1")
    const end = head.indexOf("\r\n\r\n")
    if (end < 0) return
    let status = 200
    for (const line of head.slice(0, end).split("\r\n")) {
      const [name = "", value = ""] = line.split(": ")
      if (name === "Status") status = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.writeHead(status)
    response.write(Buffer.from(head.slice(end + 4), "latin1"))
  })
  backend.stdout.on("end", () => response.end())
}

/** Serves the repositories in a folder over HTTP; the address of the server. */
export const serveGit = (folder: string, gate: Gate) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(async (request, response) => {
          if (!(await gate(request, response))) serve(folder, request, response)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  )
