import { verify } from "@octokit/webhooks-methods"
import { Effect, Redacted } from "effect"
import { createHmac, timingSafeEqual } from "node:crypto"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The body as text, or null where it is not UTF-8. */
export const textOf = (body: Uint8Array): string | null => {
  try {
    return utf8.decode(body)
  } catch {
    return null
  }
}

/** The one form that GitHub's header X-Hub-Signature-256 has. */
export const isSignature = (value: string): boolean => /^sha256=[0-9a-f]{64}$/.test(value)

// The package signs text that is not empty. Other bodies get the same check over their bytes, so that only who
// knows the secret learns what is wrong with them.
const verifyBytes = (secret: string, body: Uint8Array, signature: string): boolean => {
  const wanted = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`)
  const given = Buffer.from(signature)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** Whether the signature was made with this secret over exactly these bytes; takes the same time either way. */
export const verifySignature = Effect.fn("github.verifySignature")(function* (
  secret: Redacted.Redacted<string>,
  body: Uint8Array,
  signature: string
) {
  const text = textOf(body)
  if (text === null || text === "") return verifyBytes(Redacted.value(secret), body, signature)
  return yield* Effect.promise(() => verify(Redacted.value(secret), text, signature))
})
