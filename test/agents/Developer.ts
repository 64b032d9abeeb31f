/** A developer whose mind is the agent under test, and the runs that a test opens for it. */
import { assert } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { AcpHarness } from "../../src/adapters/harness/acp/AcpHarness.ts"
import type { AcpSpec } from "../../src/adapters/harness/acp/surroundings.ts"
import { branchOfAgent } from "../../src/domain/branches.ts"
import type { Outcome } from "../../src/domain/Outcome.ts"
import { defaultLimits, makeRole, makeSquad, type Role } from "../../src/domain/Role.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import type { Briefing, TurnResult } from "../../src/services/Harness.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { someAgent } from "../support/someAgent.ts"
import { startModel } from "./Model.ts"
import { Place, repository } from "./Stage.ts"
import { agentUnderTest } from "./underTest.ts"

/** Milliseconds. */
const limits = { ...defaultLimits, wallClock: 180_000, stall: 60_000 }

/** A repository with one commit, a model, and the role; all of it without work yet. */
export const hire = Effect.fnUntraced(function* (
  words: Partial<Role> = {},
  harness: Partial<Pick<AcpSpec, "mode" | "permissions">> = {}
) {
  const { aimock, program, recipe } = agentUnderTest
  const { project } = yield* Place
  yield* (yield* LocalForge).importRepository({ repository, from: project, branch: "main" })
  const model = yield* startModel(aimock, recipe.rewrite)
  const role = makeRole({
    name: "dev",
    tools: ["comment", "push", "open_pull_request"],
    workspace: { base: null },
    limits,
    harness: {
      _tag: "acp",
      run: recipe.run(program, model.url),
      env: [],
      optionalEnv: [],
      settings: recipe.settings(model.url),
      cwd: "/",
      mode: recipe.mode,
      permissions: "allow",
      hosts: [`localhost:${model.port}`],
      ...harness
    },
    ...words
  })
  yield* (yield* Squads).replace(makeSquad({ roles: [role] }))
  return { model, role, recipe }
})

/** The same with an issue that an agent is on, whose runs and turns the test takes. */
export const assignWith = Effect.fnUntraced(function* (spec: Parameters<typeof hire>[1]) {
  const hired = yield* hire({}, spec)
  const { role } = hired
  const forge = yield* LocalForge
  const issue = yield* forge.open({ repository, author: "ada", title: "Greet", body: "Write hello.txt.", labels: [] })
  const agent = someAgent({
    id: `dev-${issue.number}-e1`,
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

  /** A run with a token of its own, until the scope closes. `session`: the one to go on with. */
  const openRun = Effect.fnUntraced(function* (session: string | null = null) {
    runs += 1
    const run = `${agent.id}/${runs}`
    const branch = branchOfAgent(agent.id)
    const workspace = yield* workspaces.open({ agent: agent.id, repository, base: "main", branch })
    const mine = { ...agent, session }
    const grant = yield* capabilities.grant({ agent: mine, role, run, workspace })
    const opened = yield* harness.open(mine, role, run, { workspace, grant })
    let turns = 0
    return {
      run,
      workspace,
      grant,
      /** `beforePrompt` hears, right before the agent is prompted, whether it has listed its tools. */
      turn: (briefing: Briefing, beforePrompt: (listed: boolean) => void = () => {}) => {
        turns += 1
        return opened.turn({
          agent: mine,
          role,
          run,
          turn: turns,
          messages: [],
          notice: "",
          briefing: Effect.sync(() => {
            beforePrompt(Deferred.isDoneUnsafe(grant.listed))
            return briefing
          })
        })
      }
    }
  })

  return { ...hired, agent, issue, openRun }
})

/** The same with an agent that may do all that it asks for. */
export const assign = assignWith({})

/** A prompt that is the same to whoever gets it. */
export const prompt = (text: string): Briefing => ({ whole: text, news: text })

/** The turn's outcome is of this kind; else all that is known of the turn is told. */
export const assertOutcome = (result: TurnResult, tag: Outcome["_tag"]): void =>
  assert.strictEqual(result.outcome._tag, tag, JSON.stringify(result))

/** What the journal says of an agent's tools, oldest first. */
export const toolLines = Effect.fnUntraced(function* (agent: string) {
  const lines = yield* (yield* Store).journal({ limit: 100, agent })
  return lines
    .filter(({ kind }) => kind.startsWith("tool."))
    .toReversed()
    .map(({ kind, text }) => `${kind} ${text}`)
})
