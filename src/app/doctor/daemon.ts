import { createServer } from "node:net"
import { Effect, Option } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import type { Settings } from "../../adapters/config/Settings.ts"
import * as DaemonFile from "../DaemonFile.ts"
import { checked } from "../serverAddress.ts"
import { missing, ok, warning } from "./Check.ts"
import { journal } from "./journal.ts"

const answers = (url: string): Effect.Effect<boolean> =>
  HttpClient.get(`${url}/healthz`).pipe(
    Effect.flatMap((response) => response.json),
    Effect.timeout("5 seconds"),
    Effect.map((body) => typeof body === "object" && body !== null && "alive" in body),
    Effect.orElseSucceed(() => false),
    Effect.provide(FetchHttpClient.layer)
  )

/** What listening on an address comes to: null, or why not. */
const refusal = (host: string, port: number): Effect.Effect<string | null> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resume(Effect.succeed(null))))
    return Effect.sync(() => server.close())
  })

const unusable = (place: string, code: string) => {
  switch (code) {
    case "EADDRINUSE":
      return missing(
        "port",
        `another program listens on ${place}`,
        "Stop it, or choose another port with --port or `server.port`."
      )
    case "EACCES":
      return missing("port", `this user may not listen on ${place}`, "Choose a port above 1023 in `server.port`.")
    default:
      return missing("port", `${place} cannot be had (${code})`, "Choose another address in `server.host`.")
  }
}

const port = Effect.fnUntraced(function* (settings: Settings["server"]) {
  const place = `${settings.host}:${settings.port}`
  if (settings.port === 0) return ok("port", "any free one")
  const code = yield* refusal(settings.host, settings.port)
  return code === null ? ok("port", `${place} is free`) : unusable(place, code)
})

/** Whether the folder's daemon runs, and whether it has, or could have, its address. */
export const daemon = Effect.fnUntraced(function* (root: string, settings: Settings) {
  const open = yield* checked({ ...settings.server, repository: settings.repository }).pipe(
    Effect.as([]),
    Effect.catch((error) =>
      Effect.succeed([missing("address", error.message, "Set SQUADRON_TOKEN, or `server.host: 127.0.0.1`.")])
    )
  )
  const record = yield* DaemonFile.find(root)
  if (Option.isNone(record)) {
    return [...open, ok("daemon", "none runs here; `squadron start` starts one"), yield* port(settings.server)]
  }
  const { pid, url } = record.value
  if (yield* answers(url)) {
    return [
      ...open,
      ok("daemon", `process ${pid} at ${url}`),
      ok("port", `the daemon has it: ${new URL(url).host}`),
      ...(yield* journal(url, settings.server.token))
    ]
  }
  const silent = warning(
    "daemon",
    `process ${pid} at ${url} does not answer`,
    "If it is gone, `squadron start` takes its place; if it hangs, stop it first."
  )
  return [...open, silent, yield* port(settings.server)]
})
