import { Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"

/** The request itself is wrong; `field` is the place, such as `query.limit`. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()(
  "InvalidRequest",
  {
    field: Schema.String,
    problem: Schema.String
  },
  { httpApiStatus: 400 }
) {
  override get message() {
    return `${this.field}: ${this.problem}`
  }
}

/** The token is missing or wrong. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, { httpApiStatus: 401 }) {
  override get message() {
    return "This squadron asks for a token: set SQUADRON_TOKEN, or send the header Authorization: Bearer <token>."
  }
}

/** Lets a request through with the configured token, or all where none is configured. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("squadron/app/Authorization", {
  security: { bearer: HttpApiSecurity.bearer },
  error: Unauthorized
}) {}

/** Answers what cannot be decoded with an `InvalidRequest` that names the field, and adds `message` to every error. */
export class Explained extends HttpApiMiddleware.Service<Explained>()("squadron/app/Explained", {
  error: InvalidRequest
}) {}
