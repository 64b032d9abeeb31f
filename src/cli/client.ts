import { Config, Effect, FileSystem, Option, type Schema } from "effect"
import type { HttpClientError } from "effect/http"
import * as DaemonFile from "../app/DaemonFile.ts"
import type { Client, Daemon } from "./connection.ts"
import { Failed, NoDaemon } from "./failures.ts"
import { root } from "./root.ts"

const setting = (name: string) =>
  Effect.map(
    Effect.orElseSucceed(Config.option(Config.NonEmptyString(name)), () => Option.none<string>()),
    Option.getOrNull
  )

const contentOf = Effect.fnUntraced(function* (file: string | null) {
  if (file === null) return null
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(file),
    () =>
      new Failed({ reason: `The token file ${file} cannot be read. Set SQUADRON_TOKEN, or run as the daemon's user.` })
  )
  return text.trim()
})

/** Flag, then environment, then the daemon's own file, then the default. Its token goes to no other address. */
export const discover = Effect.fn("cli.discover")(function* () {
  const flags = yield* root
  const token = yield* setting("SQUADRON_TOKEN")
  const named = Option.getOrNull(flags.url) ?? (yield* setting("SQUADRON_URL"))
  if (named !== null) return { url: named.replace(/\/+$/, ""), token }
  const record = yield* DaemonFile.find(flags.dir)
  if (Option.isNone(record)) return { url: "http://127.0.0.1:7700", token }
  return { url: record.value.url.replace(/\/+$/, ""), token: token ?? (yield* contentOf(record.value.tokenFile)) }
})

/** A client for that daemon; the first call tells whether it is there. */
export const connect = (daemon: Daemon): Effect.Effect<Client> =>
  // Schemas and HTTP take longer to load than most commands take to run; help and usage errors need neither.
  Effect.flatMap(
    Effect.promise(() => import("./connection.ts")),
    ({ open }) => open(daemon)
  )

type Answerable =
  | HttpClientError.HttpClientError
  | Schema.SchemaError
  | { readonly _tag: string; readonly message: string }

/** What went wrong, as one line for a person. */
export const failure = (url: string, error: Answerable): NoDaemon | Failed => {
  if (error._tag === "SchemaError") {
    return new Failed({ reason: `What answers at ${url} is not this version of squadron: ${error.message}` })
  }
  if (!("reason" in error) || error._tag !== "HttpClientError") return new Failed({ reason: error.message })
  const { reason } = error
  if (reason._tag === "TransportError" || reason._tag === "InvalidUrlError") return new NoDaemon({ url })
  const status = "response" in reason ? reason.response.status : 0
  return new Failed({
    reason:
      status >= 500
        ? `The squadron at ${url} failed at this (status ${status}); its log says why.`
        : `What answers at ${url} is not this version of squadron (${error.message}).`
  })
}

/** Asks the daemon; each error becomes one line. */
export const ask = Effect.fn("cli.ask")(function* <A, E extends Answerable>(
  question: (client: Client) => Effect.Effect<A, E>
) {
  const daemon = yield* discover()
  const client = yield* connect(daemon)
  return yield* Effect.mapError(question(client), (error) => failure(daemon.url, error))
})
