import { Effect, Latch, Layer, type Scope } from "effect"
import { AcpHarness } from "../adapters/harness/acp/AcpHarness.ts"
import { CommandHarness } from "../adapters/harness/CommandHarness.ts"
import type { Agent } from "../domain/Agent.ts"
import { branchOf } from "../domain/branches.ts"
import { type Evidence, gateAction, lacking } from "../domain/evidence.ts"
import { Outcome } from "../domain/Outcome.ts"
import type { Role } from "../domain/Role.ts"
import { Capabilities } from "../services/Capabilities.ts"
import { Forge } from "../services/Forge.ts"
import { Gate } from "../services/Gate.ts"
import { Harness, type HarnessSession, resultOf, type TurnResult } from "../services/Harness.ts"
import { Store } from "../services/Store.ts"
import { type Workspace, Workspaces } from "../services/Workspaces.ts"
import { makeAdopting } from "./adopting.ts"

/** How long an agent's own actions may take before its work is looked at without them. */
const patience = "1 minute"

const onlyFunctions = (role: Role): Outcome =>
  Outcome.cases.Crashed.make({
    exit: null,
    stderr: `role ${role.name} names a function; only programs that use Squadron as a library have functions`
  })

/**
 * Runs programs and coding agents, each in a workspace of its own where the role asks for one, and looks at what a turn
 * left before its end is judged.
 */
export const layer = Layer.effect(
  Harness,
  Effect.gen(function* () {
    const acp = yield* AcpHarness
    const command = yield* CommandHarness
    const workspaces = yield* Workspaces
    const capabilities = yield* Capabilities
    const forge = yield* Forge
    const gate = yield* Gate
    const store = yield* Store

    const adopting = yield* makeAdopting

    /** What its workspace is made from: a pull request's head, the branch of an earlier agent, or else the base. */
    const place = Effect.fnUntraced(function* (agent: Agent, role: Role) {
      if (role.workspace === null) return null
      const { kind, number, repository } = agent.subject
      const pull = kind === "pull_request" ? yield* forge.pullRequest(repository, number) : null
      const base = role.workspace.base ?? pull?.base.ref ?? (yield* forge.defaultBranch(repository))
      return yield* workspaces.open({
        agent: agent.id,
        repository,
        base,
        branch: branchOf(agent),
        from: pull?.head.sha ?? agent.branch ?? undefined
      })
    })

    /** Completes when all that the agent asked for is done or has failed. */
    const settled = (agent: string): Effect.Effect<void> =>
      Effect.gen(function* () {
        const changed = yield* Latch.make(false)
        yield* store.observe((committed) => {
          if (committed.actions) changed.openUnsafe()
        })
        while (true) {
          changed.closeUnsafe()
          if ((yield* store.actions({ agent, limit: 100 })).every(({ status }) => status !== "queued")) return
          yield* changed.await
        }
      }).pipe(Effect.scoped, Effect.timeoutOption(patience), Effect.asVoid)

    const lookAt = Effect.fnUntraced(function* (
      agent: Agent,
      role: Role,
      run: string,
      workspace: Workspace | null,
      completed: boolean
    ) {
      yield* settled(agent.id)
      const { kind, number, repository } = agent.subject
      const work = workspace === null ? null : yield* Effect.option(workspaces.inspect(workspace))
      const seen = work === null || work._tag === "None" ? null : work.value
      const [pull] =
        workspace === null
          ? []
          : yield* forge.pullRequests({ repository, head: workspace.branch, state: "open", limit: 1 })
      let reviewed: Evidence["reviewed"] = null
      if (kind === "pull_request" && role.tools.includes("review")) {
        const { head } = yield* forge.pullRequest(repository, number)
        const reviews = yield* forge.reviews(repository, number)
        reviewed = {
          head: head.sha,
          done: reviews.some((review) => review.role === role.name && review.commit === head.sha)
        }
      }
      const passed =
        completed && workspace !== null && role.gate !== null && seen !== null && seen.commits.length > 0
          ? yield* gate.run(role, workspace, run, seen.head)
          : null
      const evidence: Evidence = {
        work:
          seen === null
            ? null
            : { head: seen.head, commits: seen.commits.length, files: seen.files.length, dirty: seen.dirty },
        gate: passed,
        pullRequest: pull === undefined ? null : { number: pull.number, head: pull.head.sha, draft: pull.draft },
        reviewed
      }
      return {
        evidence,
        // equal only where neither the files nor what the forge says of them has changed
        fingerprint: seen === null ? null : [seen.fingerprint, pull?.head.sha ?? "", pull?.updatedAt ?? 0].join("/")
      }
    })

    /** The result with what Squadron saw by itself. */
    const judged = Effect.fnUntraced(function* (
      agent: Agent,
      role: Role,
      run: string,
      workspace: Workspace | null,
      result: TurnResult
    ) {
      const completed = result.outcome._tag === "Completed"
      if (workspace === null && !completed) return result
      const looked = yield* Effect.result(lookAt(agent, role, run, workspace, completed))
      if (looked._tag === "Failure") {
        // what cannot be looked at is not taken as done
        return completed ? { ...result, missing: [`it could not be looked at: ${looked.failure.message}`] } : result
      }
      const { evidence, fingerprint } = looked.success
      return {
        ...result,
        fingerprint: fingerprint ?? result.fingerprint,
        missing: completed ? lacking(role, evidence) : [],
        // the forge knows only commits that are pushed
        own:
          evidence.gate === null || evidence.pullRequest?.head !== evidence.gate.commit
            ? []
            : [gateAction(role, agent, evidence.gate)]
      }
    })

    const sessionOf = (
      agent: Agent,
      role: Role,
      run: string,
      workspace: Workspace | null
    ): Effect.Effect<HarnessSession, never, Scope.Scope> => {
      const { harness } = role
      switch (harness._tag) {
        case "command":
          return command.open(
            agent,
            workspace === null ? role : { ...role, harness: { ...harness, cwd: workspace.path } },
            run
          )
        case "acp":
          return Effect.flatMap(capabilities.grant({ agent, role, run, workspace }), (grant) =>
            acp.open(agent, role, run, { workspace, grant })
          )
        case "function":
          return Effect.succeed({ turn: () => Effect.succeed(resultOf(onlyFunctions(role))) })
      }
    }

    return Harness.of({
      open: Effect.fn("Harness.open")(function* (claimed, role, run) {
        const opened = yield* adopting(claimed, role)
        const { agent } = opened
        const placed = yield* Effect.result(place(agent, role))
        if (placed._tag === "Failure") {
          const outcome = Outcome.cases.WorkspaceError.make({ message: placed.failure.message })
          return { opened, turn: () => Effect.succeed(resultOf(outcome)) }
        }
        const workspace = placed.success
        const session = yield* sessionOf(agent, role, run, workspace)
        return {
          opened,
          turn: (input) =>
            Effect.flatMap(session.turn(input), (result) => judged(input.agent, role, run, workspace, result))
        }
      })
    })
  })
)
