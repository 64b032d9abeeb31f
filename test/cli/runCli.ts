import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Effect, type Exit, Layer, Runtime } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import * as Output from "../../src/cli/output.ts"
import { squadron } from "../../src/cli/squadron.ts"

const run = Command.runWith(squadron, { version: "1.2.3" })

const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  let code = -1
  Runtime.defaultTeardown(exit, (given) => {
    code = given
  })
  return code
}

const services = (environment: Readonly<Record<string, string>>) =>
  Layer.mergeAll(NodeServices.layer, Output.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))

/** Runs the command line in this process, and tells what it printed and the exit code that it ends with. */
export const cli = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
) {
  return yield* Effect.gen(function* () {
    const exit = yield* Effect.exit(run(args))
    const out = (yield* TestConsole.logLines).join("\n")
    const err = (yield* TestConsole.errorLines).join("\n")
    return { out, err, exit: exitCode(exit) }
  }).pipe(Effect.provide([services(environment), TestConsole.layer], { local: true }))
})

/** Starts the command line and lets it run; what it prints goes to the test's console. */
export const running = (args: ReadonlyArray<string>) =>
  Effect.forkScoped(Effect.provide(run(args), services({}), { local: true }), { startImmediately: true })
