import { Context, Deferred, Effect, Layer, Redacted, type Scope } from "effect"
import type { Agent } from "../domain/Agent.ts"
import type { Outcome } from "../domain/Outcome.ts"
import type { Role } from "../domain/Role.ts"
import type { Workspace } from "./Workspaces.ts"

/** What one run may do through its tools, as long as it lasts. */
export type Grant = {
  readonly token: Redacted.Redacted<string>
  readonly agent: Agent
  readonly role: Role
  /** `<agent>/<n>`. */
  readonly run: string
  /** Null for a role without one. */
  readonly workspace: Workspace | null
  /** Completes when the agent has asked which tools there are. */
  readonly listed: Deferred.Deferred<void>
  /** What the agent reported of its work in this turn, or null; the last report counts. */
  reported: Outcome | null
  /** Tools that it called in this turn and may not use. */
  denied: ReadonlyArray<string>
  /** Tool calls of this run so far; they number the keys of its actions. */
  calls: number
}

/** Who may call tools: a token for each run, good until the run ends. */
export class Capabilities extends Context.Service<
  Capabilities,
  {
    grant(run: Pick<Grant, "agent" | "role" | "run" | "workspace">): Effect.Effect<Grant, never, Scope.Scope>
    /** The run that a token is for, or undefined; also for one whose run has ended. */
    find(token: string): Grant | undefined
  }
>()("squadron/services/Capabilities") {
  /** `token` makes one that nobody can guess. */
  static readonly layer = (token: Effect.Effect<string>): Layer.Layer<Capabilities> =>
    Layer.sync(Capabilities, () => makeCapabilities(token))
}

const makeCapabilities = (newToken: Effect.Effect<string>): Capabilities["Service"] => {
  const grants = new Map<string, Grant>()
  return Capabilities.of({
    grant: Effect.fn("Capabilities.grant")(function* (run) {
      const token = yield* newToken
      const grant: Grant = {
        ...run,
        token: Redacted.make(token),
        listed: yield* Deferred.make<void>(),
        reported: null,
        denied: [],
        calls: 0
      }
      return yield* Effect.acquireRelease(
        Effect.sync(() => {
          grants.set(token, grant)
          return grant
        }),
        () => Effect.sync(() => grants.delete(token))
      )
    }),
    find: (token) => grants.get(token)
  })
}
