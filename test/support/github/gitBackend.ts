import { spawn } from "node:child_process"
import type { IncomingMessage, ServerResponse } from "node:http"

/** Serves git's smart protocol for the bare repositories below `root`, by git's own `http-backend`. */
export const serveGit = (root: string, request: IncomingMessage, response: ServerResponse, login: string): void => {
  const url = new URL(request.url ?? "/", "http://double")
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REMOTE_USER: login,
      REMOTE_ADDR: "127.0.0.1",
      REQUEST_METHOD: request.method ?? "GET",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      ...(request.headers["content-length"] === undefined ? {} : { CONTENT_LENGTH: request.headers["content-length"] }),
      ...(request.headers["content-encoding"] === undefined
        ? {}
        : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
      ...(request.headers["git-protocol"] === undefined
        ? {}
        : { GIT_PROTOCOL: String(request.headers["git-protocol"]) })
    },
    // a group of its own, so that hooks end with it
    detached: true,
    stdio: ["pipe", "pipe", "ignore"]
  })
  child.stdin.on("error", () => {})
  request.pipe(child.stdin)
  response.on("close", () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    } catch {
      // it has ended by itself
    }
  })
  let head: Buffer | null = Buffer.alloc(0)
  child.stdout.on("data", (chunk: Buffer) => {
    if (head === null) return void response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf("\r\n\r\n")
    if (end === -1) return
    let status = 200
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const at = line.indexOf(":")
      const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()]
      if (name.toLowerCase() === "status") status = Number(value.slice(0, 3))
      else response.setHeader(name, value)
    }
    response.writeHead(status)
    response.write(head.subarray(end + 4))
    head = null
  })
  child.stdout.on("end", () => response.end())
  child.on("error", () => response.writeHead(500).end())
}
