import { Config, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import { Repository } from "../domain/Subject.ts"

export const limit = Flag.Int("limit").pipe(
  Flag.withAlias("n"),
  Flag.withDescription("At most so many, the newest first"),
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
  Flag.withDefault(50)
)

export const before = Flag.Int("before").pipe(
  Flag.withDescription("Only those with a lower number; for the next page"),
  Flag.optional
)

export const repository = Flag.String("repository").pipe(
  Flag.withAlias("R"),
  Flag.withDescription("owner/name; the squadron's own unless told"),
  Flag.withSchema(Repository),
  Flag.optional
)

export const author = Flag.String("author").pipe(
  Flag.withDescription("Who does it; your user name unless told"),
  Flag.withFallbackConfig(Config.NonEmptyString("USER")),
  Flag.withDefault("operator")
)

export const labels = Flag.String("label").pipe(
  Flag.withAlias("l"),
  Flag.withDescription("A label; may be given several times"),
  Flag.atLeast(0)
)

export const reason = Flag.String("reason").pipe(
  Flag.withAlias("m"),
  Flag.withDescription("Why; kept in the journal"),
  Flag.optional
)

export const agent = Argument.String("agent").pipe(
  Argument.withDescription("The agent's id, as squadron agents shows it")
)
