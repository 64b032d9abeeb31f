import { Runtime, Schema } from "effect"
import { CliError } from "effect/cli"
import { ConfigInvalid } from "../../domain/Errors.ts"

/** All that is wrong with a configuration, in the order of its files and lines; never empty. */
export class ConfigProblems extends Schema.TaggedError<ConfigProblems>()("ConfigProblems", {
  problems: Schema.NonEmptyArray(ConfigInvalid)
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return this.problems.map((problem) => problem.message).join("\n")
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}
