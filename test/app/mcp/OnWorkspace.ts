/** Tools over HTTP for a run whose workspace git makes, of a repository in a folder. */
import { NodeServices } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { Effect, FileSystem, Layer, type Scope } from "effect"
import { join } from "node:path"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { GitWorkspaces } from "../../../src/adapters/workspace/GitWorkspaces.ts"
import type { McpOptions } from "../../../src/app/mcp/mcp.ts"
import type { Agent } from "../../../src/domain/Agent.ts"
import type { Role } from "../../../src/domain/Role.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { git, makeOrigin } from "../../adapters/workspace/Rig.ts"
import { connect, developer, type Rig, rig, startRun } from "./Rig.ts"
import { makeTold, refused, repository, someIssue, type Told } from "./TestForge.ts"

type Place = { readonly told: Told; readonly origin: string; readonly stateDir: string }

export const branch = "squadron/dev-7-e1"

/** Pushes as a forge's adapter does: from the mirror, and only where the branch is where it should be. */
const pushing = ({ origin, stateDir }: Omit<Place, "told">): Told["push"] => {
  const mirror = join(stateDir, "mirrors", "acme", "shop.git")
  return (name, commit, expected) =>
    Effect.try({
      try: () => {
        const lease = `--force-with-lease=refs/heads/${name}:${expected ?? ""}`
        git(mirror, "push", "-q", lease, origin, `${commit}:refs/heads/${name}`)
      },
      catch: (cause) => refused(`git: ${String(cause).includes("stale info") ? "stale info" : String(cause)}`)
    })
}

/** A test with a repository, workspaces that git makes, and tools over HTTP. */
export const test = (
  name: string,
  body: (place: Place) => Effect.Effect<unknown, unknown, Rig | Workspaces | Scope.Scope>,
  options: Partial<McpOptions> = {}
) =>
  it.live(
    name,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
        const stateDir = join(root, "state")
        const origin = makeOrigin(join(root, "origin"))
        const told = makeTold()
        told.remote = origin
        told.push = pushing({ origin, stateDir })
        someIssue(told, 7, { author: "ada", body: "Add it." })
        const workspaces = GitWorkspaces.layer({ stateDir, minFree: 0 }).pipe(
          Layer.provide(ProcessRecords.layer({ stateDir, killAfter: "200 millis" })),
          Layer.provide(NoSandbox.layer),
          Layer.provide(NodeServices.layer)
        )
        return yield* Effect.provide(body({ told, origin, stateDir }), rig(told, options, workspaces))
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000
  )

/** A run in a workspace of its own. */
export const begin = Effect.fnUntraced(function* (role: Role = developer, options: Partial<Agent> = {}) {
  const id = options.id ?? `${role.name}-7-e1`
  const workspace = yield* (yield* Workspaces).open({
    agent: id,
    repository,
    base: "main",
    branch: `squadron/${id}`
  })
  const grant = yield* startRun(role, { ...options, id }, workspace)
  const client = yield* connect(grant)
  return { grant, client, clone: workspace.path }
})

export const headOf = (origin: string, name = branch): string | null => {
  const line = git(origin, "for-each-ref", "--format=%(objectname)", `refs/heads/${name}`)
  return line === "" ? null : line
}
