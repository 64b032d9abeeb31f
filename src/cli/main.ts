// By their own paths: the whole of platform-node takes longer to load than a command takes to run.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { version } from "../app/version.ts"
import * as Output from "./output.ts"
import { squadron } from "./squadron.ts"

squadron.pipe(Command.run({ version }), Effect.provide([NodeServices.layer, Output.layer]), NodeRuntime.runMain)
