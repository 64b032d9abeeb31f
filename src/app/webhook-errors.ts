import { Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { PayloadInvalid } from "../adapters/forge/github/errors.ts"
import { BusFull, StoreUnavailable } from "../domain/Errors.ts"

const MiB = 1024 * 1024

export class WebhookMethodInvalid extends Schema.TaggedError<WebhookMethodInvalid>()(
  "WebhookMethodInvalid",
  { method: Schema.String },
  { httpApiStatus: 405 }
) {
  override get message() {
    return `GitHub sends webhooks with POST, this was ${this.method}.`
  }
}

export class WebhookContentTypeInvalid extends Schema.TaggedError<WebhookContentTypeInvalid>()(
  "WebhookContentTypeInvalid",
  { contentType: Schema.String },
  { httpApiStatus: 415 }
) {
  override get message() {
    const given =
      this.contentType === "" ? "The delivery has no content type" : `The content type is ${this.contentType}`
    return `${given}. Set the webhook's content type to application/json, in the repository's settings under Webhooks.`
  }
}

/** The header that is missing or malformed. */
export class WebhookHeaderInvalid extends Schema.TaggedError<WebhookHeaderInvalid>()(
  "WebhookHeaderInvalid",
  { header: Schema.String, problem: Schema.String },
  { httpApiStatus: 422 }
) {
  override get message() {
    return `The header ${this.header} ${this.problem}.`
  }
}

/** Squadron has no secret, so it cannot know who sends: our own lack, hence 503. Nothing is let through unverified. */
export class WebhookSecretMissing extends Schema.TaggedError<WebhookSecretMissing>()(
  "WebhookSecretMissing",
  { variable: Schema.String },
  { httpApiStatus: 503 }
) {
  override get message() {
    return (
      "Webhooks are refused, since this squadron has no secret to check them with. " +
      `Set ${this.variable} to the secret of the webhook's settings and start squadron again.`
    )
  }
}

/** GitHub does not say now what the sender may do. The delivery is fetched again later, as all that were refused. */
export class WebhookTrustUnknown extends Schema.TaggedError<WebhookTrustUnknown>()(
  "WebhookTrustUnknown",
  { reason: Schema.String },
  { httpApiStatus: 503 }
) {
  override get message() {
    return `What the sender may do in the repository is not known now: ${this.reason} Nothing was stored; the delivery will be fetched again.`
  }
}

export class WebhookSignatureInvalid extends Schema.TaggedError<WebhookSignatureInvalid>()(
  "WebhookSignatureInvalid",
  { problem: Schema.Literals(["missing", "malformed", "wrong"]) },
  { httpApiStatus: 401 }
) {
  override get message() {
    const remedy = "The secret in the webhook's settings and squadron's own must be the same text."
    switch (this.problem) {
      case "missing":
        return `The header X-Hub-Signature-256 is missing. Give the webhook a secret. ${remedy}`
      case "malformed":
        return `The header X-Hub-Signature-256 is malformed; expected sha256= and 64 hexadecimal digits.`
      case "wrong":
        return `The header X-Hub-Signature-256 does not fit the body. ${remedy}`
    }
  }
}

/** `limit` in bytes: GitHub's own cap. */
export class WebhookTooLarge extends Schema.TaggedError<WebhookTooLarge>()(
  "WebhookTooLarge",
  { limit: Schema.Int },
  { httpApiStatus: 413 }
) {
  override get message() {
    return `The body is larger than ${this.limit / MiB} MiB; GitHub itself sends no more than that.`
  }
}

/** The body did not arrive whole. */
export class WebhookBodyIncomplete extends Schema.TaggedError<WebhookBodyIncomplete>()(
  "WebhookBodyIncomplete",
  { problem: Schema.String },
  { httpApiStatus: 400 }
) {
  override get message() {
    return `The body ${this.problem}. Send the delivery again.`
  }
}

/** `retryAfter` in seconds. */
export class WebhookRateLimited extends Schema.TaggedError<WebhookRateLimited>()(
  "WebhookRateLimited",
  { perMinute: Schema.Int, retryAfter: Schema.Int },
  { httpApiStatus: 429 }
) {
  override get message() {
    return `More than ${this.perMinute} deliveries in a minute. Send this one again in ${this.retryAfter} s.`
  }
}

/** `position` in characters from the start, or null where it is not known. */
export class WebhookBodyInvalid extends Schema.TaggedError<WebhookBodyInvalid>()(
  "WebhookBodyInvalid",
  { problem: Schema.String, position: Schema.NullOr(Schema.Int) },
  { httpApiStatus: 422 }
) {
  override get message() {
    return `The body ${this.problem}${this.position === null ? "" : ` (at position ${this.position})`}.`
  }
}

/** The delivery is signed, but not for what this squadron works on. */
export class WebhookNotAllowed extends Schema.TaggedError<WebhookNotAllowed>()(
  "WebhookNotAllowed",
  { what: Schema.Literals(["repository", "installation"]), given: Schema.NullOr(Schema.String) },
  { httpApiStatus: 403 }
) {
  override get message() {
    const given = this.given === null ? `names no ${this.what}` : `is for the ${this.what} ${this.given}`
    const which = this.what === "repository" ? "repositories" : "app installations"
    return `The delivery ${given}; this squadron takes those of its configured ${which} only.`
  }
}

/** Every way in which a delivery may be refused. */
export const WebhookError = Schema.Union([
  WebhookMethodInvalid,
  WebhookContentTypeInvalid,
  WebhookHeaderInvalid,
  WebhookSecretMissing,
  WebhookSignatureInvalid,
  WebhookTooLarge,
  WebhookBodyIncomplete,
  WebhookRateLimited,
  WebhookBodyInvalid,
  PayloadInvalid,
  WebhookNotAllowed,
  WebhookTrustUnknown,
  BusFull,
  StoreUnavailable
])
export type WebhookError = typeof WebhookError.Type

const headersOf = (error: WebhookError): Record<string, string> => {
  switch (error._tag) {
    case "WebhookMethodInvalid":
      return { allow: "POST" }
    case "WebhookRateLimited":
      return { "retry-after": String(error.retryAfter) }
    case "BusFull":
      return { "retry-after": "5" }
    case "StoreUnavailable":
      return { "retry-after": "30" }
    default:
      return {}
  }
}

/** The refusal as JSON: `_tag`, `message` and the error's fields, with its status. */
export const refuse = (error: WebhookError): HttpServerResponse.HttpServerResponse => {
  const schema = WebhookError.members.find((member) => error instanceof member)
  const status = schema === undefined ? undefined : Schema.resolveAnnotations(schema)?.["httpApiStatus"]
  return HttpServerResponse.jsonUnsafe(
    { ...error, message: error.message },
    { status: typeof status === "number" ? status : 500, headers: headersOf(error) }
  )
}
