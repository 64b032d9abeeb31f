import { Context, type Effect } from "effect"
import type { Gate as Result } from "../domain/evidence.ts"
import type { Role } from "../domain/Role.ts"
import type { Workspace } from "./Workspaces.ts"

/** Runs a role's gate in the workspace that its agent leaves: Squadron's own look at whether the work holds. */
export class Gate extends Context.Service<
  Gate,
  {
    /** `commit` is what the workspace is at. Ends in a result, whatever happens; its processes are gone by then. */
    run(role: Role, workspace: Workspace, run: string, commit: string): Effect.Effect<Result>
  }
>()("squadron/services/Gate") {}
