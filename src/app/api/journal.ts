import { Effect, Schedule, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { JournalEntry } from "../../domain/Journal.ts"
import { Squadron } from "../../services/Squadron.ts"
import { Store } from "../../services/Store.ts"
import { Api } from "../Api.ts"
import { pageOf } from "./page.ts"

const encodeEntry = Schema.encodeEffect(Schema.fromJsonString(JournalEntry))

const sent = (entry: JournalEntry) =>
  Effect.map(Effect.orDie(encodeEntry(entry)), (data) => `id: ${entry.id}\nevent: message\ndata: ${data}\n\n`)

/** A comment at once, so that the watcher knows that it watches, and then every 15 s, so that the line stays open. */
const heartbeat = Stream.fromSchedule(Schedule.spaced("15 seconds")).pipe(
  Stream.map(() => ": still here\n\n"),
  (later) => Stream.concat(Stream.make(": watching\n\n"), later)
)

export const journal = HttpApiBuilder.group(
  Api,
  "journal",
  Effect.fnUntraced(function* (handlers) {
    const squadron = yield* Squadron
    const store = yield* Store
    return handlers
      .handle("list", ({ query }) => store.journal({ ...pageOf(query), agent: query.agent, event: query.event }))
      .handle("verify", ({ query }) => store.verifyJournal(query.head ?? null))
      .handleRaw("watch", () =>
        Effect.succeed(
          HttpServerResponse.stream(
            squadron.watch.pipe(Stream.mapEffect(sent), Stream.merge(heartbeat), Stream.encodeText),
            { contentType: "text/event-stream", headers: { "cache-control": "no-cache" } }
          )
        )
      )
  })
)
