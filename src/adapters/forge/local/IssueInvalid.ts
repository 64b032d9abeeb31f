import { Schema } from "effect"

/** An issue or comment that cannot be stored as it was given; nothing was changed. */
export class IssueInvalid extends Schema.TaggedError<IssueInvalid>()(
  "IssueInvalid",
  { field: Schema.String, problem: Schema.String },
  { httpApiStatus: 422 }
) {
  override get message() {
    return `The ${this.field} cannot be used: ${this.problem}.`
  }
}
