import { Effect, Layer } from "effect"
import { SandboxUnavailable } from "../../domain/Errors.ts"
import type { Sandbox } from "../../services/Sandbox.ts"
import * as BwrapSandbox from "./BwrapSandbox.ts"
import { detectBwrap } from "./detect.ts"
import * as NoSandbox from "./NoSandbox.ts"

/** `auto` is a sandbox where one can be had. */
export type SandboxMode = "off" | "auto" | "required"

/** The sandbox that is asked for. Fails where one is required and cannot be had; `auto` then goes without, and says so. */
export const sandboxLayer = (
  options: BwrapSandbox.BwrapSandboxOptions & { readonly mode: SandboxMode }
): Layer.Layer<Sandbox, SandboxUnavailable> =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (options.mode === "off") return NoSandbox.layer
      const found = yield* detectBwrap(options.bwrap)
      if (found.kind === "bwrap") return BwrapSandbox.layer({ ...options, found })
      if (options.mode === "required") return yield* new SandboxUnavailable(found)
      yield* Effect.logWarning(
        `Agents and hooks run without a sandbox, with all that this user may do: ${found.reason}. ${found.remedy}`
      )
      return NoSandbox.layer
    })
  )
