/** Squadron's real parts around a real agent: store, forge, workspaces, tools over HTTP, harness, sandbox. */
import { mkdirSync, readdirSync, readlinkSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Context, Deferred, Effect, FileSystem, Layer } from "effect"
import { HttpRouter } from "effect/http"
import type { Settings } from "../../src/adapters/config/Settings.ts"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { AcpHarness } from "../../src/adapters/harness/acp/AcpHarness.ts"
import { homeVariable, ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../src/adapters/harness/ProcessTable.ts"
import { faultLog, originCheck } from "../../src/app/api/guards.ts"
import * as Http from "../../src/app/http.ts"
import { localForgeLayer, sqliteStoreLayer } from "../../src/app/layers.ts"
import * as Mcp from "../../src/app/mcp/mcp.ts"
import { ServerSettings } from "../../src/app/serverAddress.ts"
import { workLayer } from "../../src/app/work.ts"
import { branchOfAgent } from "../../src/domain/branches.ts"
import { defaultLimits, makeRole, makeSquad, type Role } from "../../src/domain/Role.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import type { Briefing } from "../../src/services/Harness.ts"
import { Outbox } from "../../src/services/Outbox.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { someAgent } from "../support/someAgent.ts"
import { type Asked, type Model, startModel } from "./Model.ts"
import type { Recipe } from "./recipes.ts"

export const repository = "acme/shop"
const agentId = "dev-1-e1"

/** Milliseconds that an agent has for what a person would call at once. */
const patience = 60_000

/** Where a test's files are. */
export class Place extends Context.Service<Place, { readonly root: string; readonly stateDir: string }>()(
  "squadron/test/agents/Place"
) {
  static readonly layer = Layer.effect(
    Place,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "squadron-agent-" }), fs.realPath)
      mkdirSync(join(root, "state"))
      mkdirSync(join(root, "project"))
      yield* fs.writeFileString(join(root, "project", "readme.md"), "A shop.\n")
      return { root, stateDir: join(root, "state") }
    })
  )
}

/** As the daemon puts them together, but for the engine: the test itself opens runs and takes turns. */
export const stage = (sandbox: Settings["sandbox"]) =>
  Layer.unwrap(
    Effect.map(Place, ({ root, stateDir }) => {
      const settings: Settings = {
        root: join(root, "project"),
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
        sandboxReadable: [],
        workspaces: { hooks: {}, hookTimeout: 60_000, minFree: 0, retention: 3_600_000 },
        people: {},
        drainTimeout: 1000,
        stateDir
      }
      return HttpRouter.serve(Layer.mergeAll(Mcp.layer({ version: "0" }), originCheck, faultLog), {
        disableListenLog: true,
        disableLogger: true
      }).pipe(
        Layer.provideMerge(Outbox.layer),
        Layer.provideMerge(workLayer(settings)),
        Layer.provideMerge(Squads.layer(makeSquad({ roles: [] }))),
        Layer.provideMerge(ProcessRecords.layer({ stateDir })),
        Layer.provideMerge(Http.server),
        Layer.provide(Layer.succeed(ServerSettings, { ...settings.server, repository })),
        Layer.provideMerge(
          localForgeLayer({
            repositories: join(stateDir, "repositories"),
            objects: (name) => join(stateDir, "mirrors", `${name}.git`)
          })
        ),
        Layer.provideMerge(sqliteStoreLayer({ filename: join(stateDir, "squadron.db") }))
      )
    })
  ).pipe(Layer.provideMerge(Place.layer), Layer.provideMerge(NodeServices.layer))

/** A turn's prompt, to an agent that knows nothing yet and to one that has the conversation. */
type Prompt = Briefing | string

/** An issue, a repository with one commit, a model, and a developer who works with it. */
export const setUp = Effect.fnUntraced(function* (recipe: Recipe, program: string, aimock: string) {
  const { root, stateDir } = yield* Place
  const forge = yield* LocalForge
  yield* forge.importRepository({ repository, from: join(root, "project"), branch: "main" })
  const issue = yield* forge.open({ repository, author: "ada", title: "Greet", body: "Write hello.txt.", labels: [] })
  const model = yield* startModel(aimock, recipe.rewrite)
  const role = makeRole({
    name: "dev",
    tools: ["comment", "push", "open_pull_request"],
    workspace: { base: null, sparse: [], depth: null },
    limits: { ...defaultLimits, wallClock: 3 * patience, stall: patience },
    harness: {
      _tag: "acp",
      run: recipe.run(program, model.url),
      env: [],
      optionalEnv: [],
      settings: recipe.settings(model.url),
      cwd: "/",
      mode: recipe.mode,
      permissions: "allow",
      hosts: [`127.0.0.1:${model.port}`]
    }
  })
  yield* (yield* Squads).replace(makeSquad({ roles: [role] }))
  const agent = someAgent({
    id: agentId,
    role: role.name,
    subject: Subject.issue(repository, issue.number),
    status: "running",
    version: 1
  })
  yield* (yield* Store).commit(Step.make({ agents: [{ agent, expected: null }] }))

  const workspaces = yield* Workspaces
  const capabilities = yield* Capabilities
  const harness = yield* AcpHarness
  let runs = 0

  /** One run, with its own token for the tools, until the scope closes. */
  const openRun = Effect.fnUntraced(function* (session: string | null = null) {
    runs += 1
    const run = `${agentId}/${runs}`
    const workspace = yield* workspaces.open({
      agent: agentId,
      repository,
      base: "main",
      branch: branchOfAgent(agentId)
    })
    const mine = { ...agent, session }
    const grant = yield* capabilities.grant({ agent: mine, role, run, workspace })
    const opened = yield* harness.open(mine, role, run, { workspace, grant })
    let turns = 0
    return {
      run,
      workspace,
      grant,
      /** `onPrompt` is called right before the agent gets the prompt. */
      turn: (prompt: Prompt, onPrompt: (listed: boolean) => void = () => {}) => {
        turns += 1
        return opened.turn({
          agent: mine,
          role,
          run,
          turn: turns,
          messages: [],
          notice: "",
          briefing: Effect.sync(() => {
            onPrompt(Deferred.isDoneUnsafe(grant.listed))
            return typeof prompt === "string" ? { whole: prompt, news: prompt } : prompt
          })
        })
      }
    }
  })

  return { root, stateDir, forge, issue, model, role, workspaces, openRun, recipe }
})

/** Processes that the harness has on record: each is the first one of an agent. */
export const leaders = (stateDir: string): ReadonlyArray<number> =>
  readdirSync(join(stateDir, "processes")).map((name) => Number.parseInt(name, 10))

const cwdOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // it has ended, or is a zombie
    return ""
  }
}

/** All that lives of this stage's agents: what carries its mark, and what is at home in its folders. */
export const survivors = Effect.gen(function* () {
  const { home } = yield* ProcessRecords
  const { root } = yield* Place
  const real = realpathSync(root)
  return processTable
    .list()
    .filter(
      ({ alive, pid }) =>
        alive &&
        (processTable.environment(pid)?.get(homeVariable) === home || `${cwdOf(pid)}/`.startsWith(`${real}/`))
    )
    .map(({ pid }) => pid)
})

/** What the journal says of tools, oldest first. */
export const toolLines = Effect.map(
  Effect.flatMap(Store, (store) => store.journal({ limit: 100, agent: agentId })),
  (lines) =>
    lines
      .filter(({ kind }) => kind.startsWith("tool."))
      .toReversed()
      .map(({ kind, text }) => `${kind} ${text}`)
)

export type { Asked, Model, Role }
