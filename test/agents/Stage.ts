/** Squadron's real parts around a real agent, on a place of their own. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Context, Effect, FileSystem, Layer } from "effect"
import { HttpRouter } from "effect/http"
import type { Settings } from "../../src/adapters/config/Settings.ts"
import { ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import { faultLog, originCheck } from "../../src/app/api/guards.ts"
import * as Http from "../../src/app/http.ts"
import { engineLayer, localForgeLayer, sqliteStoreLayer } from "../../src/app/layers.ts"
import * as Mcp from "../../src/app/mcp/mcp.ts"
import { ServerSettings } from "../../src/app/serverAddress.ts"
import { workLayer } from "../../src/app/work.ts"
import { makeSquad } from "../../src/domain/Role.ts"
import { Outbox } from "../../src/services/Outbox.ts"
import { Squads } from "../../src/services/Squads.ts"
import { agentUnderTest } from "./underTest.ts"

export const repository = "acme/shop"

/** Where a test's files are: a project with one file, and Squadron's state. */
export class Place extends Context.Service<
  Place,
  { readonly root: string; readonly project: string; readonly stateDir: string }
>()("squadron/test/agents/Place") {
  static readonly layer = Layer.effect(
    Place,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "squadron-agent-" }), fs.realPath)
      const place = { root, project: join(root, "project"), stateDir: join(root, "state") }
      mkdirSync(place.stateDir)
      mkdirSync(place.project)
      writeFileSync(join(place.project, "readme.md"), "A shop.\n")
      return place
    })
  )
}

const settingsOf = ({ project, stateDir }: Place["Service"], sandbox: Settings["sandbox"]): Settings => ({
  root: project,
  repository,
  server: { host: "127.0.0.1", port: 0, token: null },
  github: {
    secretEnv: "",
    secret: null,
    ratePerMinute: 0,
    repositories: [],
    installations: [],
    botLogins: [],
    apiUrl: "",
    webUrl: "",
    auth: null
  },
  source: null,
  sandbox,
  sandboxReadable: agentUnderTest.folder === "" ? [] : [agentUnderTest.folder],
  workspaces: {
    hooks: {},
    hookTimeout: 60_000,
    hookHosts: [],
    minFree: 0,
    retention: 3_600_000,
    sparse: [],
    depth: null,
    keepSaved: null
  },
  people: {},
  drainTimeout: 1000,
  stateDir
})

/** As the daemon puts its parts together. `minds`: what stands above harness, tools, forge and store. */
const around = <A, E, R>(sandbox: Settings["sandbox"], minds: Layer.Layer<A, E, R>) =>
  Layer.unwrap(
    Effect.map(Place, (place) => {
      const settings = settingsOf(place, sandbox)
      const { stateDir } = place
      const routes = Layer.mergeAll(Mcp.layer({ version: "0" }), originCheck, faultLog)
      return HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
        Layer.provideMerge(minds),
        Layer.provideMerge(workLayer(settings)),
        Layer.provideMerge(
          localForgeLayer({
            repositories: join(stateDir, "repositories"),
            objects: (name) => join(stateDir, "mirrors", `${name}.git`)
          })
        ),
        Layer.provideMerge(Squads.layer(makeSquad({ roles: [] }))),
        Layer.provideMerge(ProcessRecords.layer({ stateDir })),
        Layer.provideMerge(Http.server),
        Layer.provide(Layer.succeed(ServerSettings, { ...settings.server, repository })),
        Layer.provideMerge(sqliteStoreLayer({ filename: join(stateDir, "squadron.db") }))
      )
    })
  ).pipe(Layer.provideMerge(Place.layer), Layer.provideMerge(NodeServices.layer))

/** All but the engine: the test opens runs and takes turns itself. */
export const stage = (sandbox: Settings["sandbox"]) => around(sandbox, Outbox.layer)

/** The whole: what happens in the forge wakes agents. */
export const squadron = (sandbox: Settings["sandbox"]) => around(sandbox, engineLayer({ drainTimeout: 1000 }))
