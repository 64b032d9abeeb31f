import { Runtime, Schema } from "effect"
import { CliError } from "effect/cli"

/** Nothing answers at the address. Exit code 3. */
export class NoDaemon extends Schema.TaggedError<NoDaemon>()("NoDaemon", { url: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 3
  override get message() {
    return `No squadron runs at ${this.url}. Start one with: squadron start`
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

/** It was not done, for a reason that a person can act on. Exit code 1. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { reason: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override get message() {
    return this.reason
  }
  override get [CliError.userMessage]() {
    return this.reason
  }
}

/** An error with its own words stays; any other becomes one line instead of a stack. */
export const asFailure = <E extends { readonly message: string }>(error: E): E | Failed =>
  CliError.getUserMessage(error) === undefined ? new Failed({ reason: error.message }) : error
