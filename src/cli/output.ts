import { Console, Effect, Layer } from "effect"
import { CliOutput, TerminalCapabilities } from "effect/cli"

/** One line for what a person can act on; what cannot be read gets its reason and a pointer to its help. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    const formatter: CliOutput.Formatter = {
      ...CliOutput.defaultFormatter({ colors: canColor }),
      formatError: (error) => error.message
    }
    const presenter: CliOutput.Presenter = {
      present: (event) =>
        event._tag === "InvalidInvocation"
          ? Console.error(
              `${formatter.formatErrors(event.errors).trimStart()}\n\nSee: ${event.commandPath.join(" ")} --help`
            )
          : CliOutput.defaultPresenter.present(event)
    }
    return Layer.merge(CliOutput.layer(formatter), CliOutput.layerPresenter(presenter))
  })
)
