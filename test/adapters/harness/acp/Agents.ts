/** Real agents' processes, driven by the real adapter; all of them are gone when the scope closes. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, FileSystem, Layer, Path, Redacted, type Scope } from "effect"
import { AcpHarness, type AcpHarnessOptions } from "../../../../src/adapters/harness/acp/AcpHarness.ts"
import { ProcessRecords } from "../../../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../../../src/adapters/harness/ProcessTable.ts"
import { realSleep } from "../../../../src/adapters/harness/ProcessTree.ts"
import * as NoSandbox from "../../../../src/adapters/sandbox/NoSandbox.ts"
import type { Agent } from "../../../../src/domain/Agent.ts"
import type { Message } from "../../../../src/domain/Message.ts"
import type { Outcome } from "../../../../src/domain/Outcome.ts"
import { defaultLimits, type HarnessSpec, type Limits, makeRole } from "../../../../src/domain/Role.ts"
import { issue } from "../../../../src/domain/Subject.ts"
import type { Grant } from "../../../../src/services/Capabilities.ts"
import type { Briefing, TurnInput, TurnResult } from "../../../../src/services/Harness.ts"
import type { Sandbox } from "../../../../src/services/Sandbox.ts"
import type { Workspace } from "../../../../src/services/Workspaces.ts"
import { someAgent } from "../../../support/someAgent.ts"

/** The file of an agent. */
export const agentFile = (name: string) => fileURLToPath(new URL(`./agents/${name}.mjs`, import.meta.url))

/** An agent with one fault; see agents/faulty.mjs. */
export const faulty = (fault: string, ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  agentFile("faulty"),
  fault,
  ...args
]

/** A well-behaved agent; see agents/scripted.mjs. */
export const scripted = (script: object = {}): ReadonlyArray<string> => [
  process.execPath,
  agentFile("scripted"),
  JSON.stringify(script)
]

const run = "coder-12-e1/1"
const subject = issue("acme/shop", 12)

const coder = (session: string | null = null): Agent =>
  someAgent({ id: "coder-12-e1", role: "coder", subject, status: "running", version: 3, session })

export const answer = (text: string): Message => ({
  id: 8,
  agent: "coder-12-e1",
  kind: "answer",
  text,
  status: "unread",
  reason: "",
  event: {
    seq: 2,
    key: "k2",
    source: "local",
    at: 6,
    actor: { login: "ann", kind: "person" },
    subject,
    causedBy: null,
    depth: 0,
    detail: { _tag: "custom", name: "answer", payload: {} }
  }
})

export type Given = Partial<Omit<Extract<HarnessSpec, { readonly _tag: "acp" }>, "_tag" | "run">> & {
  readonly limits?: Partial<Limits>
  readonly session?: string | null
  readonly grant?: Grant | null
  readonly workspace?: Workspace | null
}

type Turn = {
  readonly messages?: ReadonlyArray<Message>
  readonly briefing?: Effect.Effect<Briefing, Outcome>
}

export type Needs = AcpHarness | ProcessRecords | FileSystem.FileSystem | Path.Path

export const layer = (
  options: Partial<AcpHarnessOptions> = {},
  sandbox: Layer.Layer<Sandbox> = NoSandbox.layer,
  folder?: string
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const stateDir = folder ?? (yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped())
      return AcpHarness.layer({
        mcp: null,
        killAfter: "300 millis",
        ...options,
        deadlines: { initialize: 20_000, session: 20_000, tools: 20_000, cancel: 20_000, ...options.deadlines }
      }).pipe(Layer.provideMerge(ProcessRecords.layer({ stateDir, killAfter: "300 millis" })), Layer.provide(sandbox))
    })
  ).pipe(Layer.provideMerge(NodeServices.layer))

/** A workspace without git: nobody looks into it here. */
export const makeWorkspace = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
  const workspace: Workspace = {
    agent: "coder-12-e1",
    repository: "acme/shop",
    base: "main",
    branch: "squadron/coder-12-e1",
    path: path.join(base, "repo"),
    home: path.join(base, "home"),
    mirror: path.join(base, "mirror"),
    baseCommit: "0".repeat(40),
    fresh: true
  }
  for (const folder of [workspace.path, workspace.home, workspace.mirror]) yield* fs.makeDirectory(folder)
  return workspace
})

export const makeGrant = Effect.gen(function* () {
  const grant: Grant = {
    token: Redacted.make("secret-token"),
    agent: coder(),
    role: makeRole({ name: "coder", harness: { _tag: "function", name: "none" } }),
    run,
    workspace: null,
    listed: yield* Deferred.make<void>(),
    reported: null,
    denied: [],
    calls: 0
  }
  return grant
})

/** A run of the agent that this command starts: it takes one turn after another. */
export const openRun = Effect.fnUntraced(function* (command: ReadonlyArray<string>, given: Given = {}) {
  const { grant, limits, session, workspace, ...spec } = given
  const agent = coder(session ?? null)
  const role = makeRole({
    name: "coder",
    prompt: "Do it.",
    harness: {
      _tag: "acp",
      run: command as [string, ...Array<string>],
      env: [],
      optionalEnv: [],
      settings: {},
      cwd: "/",
      mode: null,
      permissions: "allow",
      hosts: [],
      ...spec
    },
    limits: { ...defaultLimits, wallClock: 60_000, stall: 60_000, ...limits }
  })
  const place = {
    workspace: workspace === undefined ? yield* makeWorkspace : workspace,
    grant: grant ?? null
  }
  const harness = yield* AcpHarness
  const opened = yield* harness.open(agent, role, run, place)
  let turns = 0
  return {
    place,
    turn: (turn: Turn = {}): Effect.Effect<TurnResult> => {
      turns += 1
      const input: TurnInput = {
        agent,
        role,
        run,
        turn: turns,
        messages: turn.messages ?? [],
        notice: "",
        briefing: turn.briefing ?? Effect.succeed({ whole: `whole ${turns}`, news: `news ${turns}` })
      }
      return opened.turn(input)
    }
  }
})

/** A whole run of one turn. */
export const oneTurn = (command: ReadonlyArray<string>, given: Given = {}, turn: Turn = {}) =>
  Effect.scoped(Effect.flatMap(openRun(command, given), (opened) => opened.turn(turn)))

export const oneOutcome = (command: ReadonlyArray<string>, given: Given = {}, turn: Turn = {}) =>
  Effect.map(oneTurn(command, given, turn), (result) => result.outcome)

export const test = (
  name: string,
  body: Effect.Effect<unknown, unknown, Needs | Scope.Scope>,
  options?: Partial<AcpHarnessOptions>
) => it.live(name, () => Effect.provide(body, layer(options)), 60_000)

/** The pids that an agent told by `pid <n>`. */
export const pidsOf = (result: TurnResult): ReadonlyArray<number> =>
  [...result.transcript.matchAll(/pid (\d+)/g)].map((match) => Number(match[1]))

export const living = (pids: ReadonlyArray<number>): ReadonlyArray<number> =>
  pids.filter((pid) => processTable.find(pid)?.alive === true)

/** Everything that carries this run's mark: nothing of it may be left. */
export const survivors = Effect.map(ProcessRecords, ({ home }) =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("SQUADRON_HOME_ID") === home)
    .map(({ pid }) => pid)
)

/** Completes when the file is there. */
export const untilThere = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  while (!(yield* Effect.orDie(fs.exists(file)))) yield* realSleep("10 millis")
})

export const assertTag = <Tag extends Outcome["_tag"]>(
  outcome: Outcome,
  tag: Tag
): Extract<Outcome, { readonly _tag: Tag }> => {
  assert.strictEqual(outcome._tag, tag, JSON.stringify(outcome))
  return outcome as Extract<Outcome, { readonly _tag: Tag }>
}

/** The daemon's tools, as far as an agent looks at them at its start. */
export const toolServer = Effect.fnUntraced(function* (grant: Grant) {
  const seen: Array<string> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        seen.push(request.headers.authorization ?? "")
        if (request.headers.authorization === `Bearer ${Redacted.value(grant.token)}`) {
          Deferred.doneUnsafe(grant.listed, Effect.void)
        }
        response.end("{}")
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
  return { port: (server.address() as AddressInfo).port, seen }
})
