import { Effect, Schema } from "effect"
import { Argument } from "effect/cli"
import type { Client } from "./connection.ts"

const pattern = /^(?:([\w.-]+\/[\w.-]+)?#)?([1-9]\d{0,9})$/

/** `12`, `#12` or `owner/name#12`. */
export const issueArgument = Argument.String("issue").pipe(
  Argument.withDescription("12, #12 or owner/name#12; a bare number means the squadron's own repository"),
  Argument.withSchema(
    Schema.String.check(Schema.isPattern(pattern, { message: "expected an issue such as 12, #12 or owner/name#12" }))
  )
)

/** The issue that a reference means; asks the daemon for its repository where the reference names none. */
export const issueParams = Effect.fnUntraced(function* (client: Client, reference: string) {
  const [, named, number] = pattern.exec(reference) ?? []
  const repository = named ?? (yield* client.status.get()).repository
  const [owner = "", name = ""] = repository.split("/")
  return { owner, name, number: Number(number) }
})
