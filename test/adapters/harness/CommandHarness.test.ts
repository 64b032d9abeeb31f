import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Path, Scope } from "effect"
import { TestClock } from "effect/testing"
import { CommandHarness, type CommandHarnessOptions } from "../../../src/adapters/harness/CommandHarness.ts"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { type Agent, noCounts } from "../../../src/domain/Agent.ts"
import type { Message } from "../../../src/domain/Message.ts"
import { defaultLimits, type Limits, makeRole, type Role } from "../../../src/domain/Role.ts"
import { issue } from "../../../src/domain/Subject.ts"
import type { TurnResult } from "../../../src/services/Harness.ts"
import { someAgent } from "../../support/someAgent.ts"

const subject = issue("acme/shop", 12)
const agent: Agent = someAgent({
  id: "triage-12-e1",
  role: "triage",
  subject,
  status: "running",
  version: 3,
  unread: 1,
  counters: { ...noCounts, runs: 1 }
})
const run = "triage-12-e1/1"

const message = (kind: Message["kind"], text: string, title = "It crashes"): Message => ({
  id: 7,
  agent: agent.id,
  kind,
  text,
  status: "unread",
  reason: "",
  event: {
    seq: 1,
    key: "k1",
    source: "local",
    at: 5,
    actor: { login: "ann", kind: "person" },
    subject,
    causedBy: null,
    depth: 0,
    detail: {
      _tag: "issue.opened",
      issue: { title, body: "", state: "open", author: "ann", labels: [], assignees: [] }
    }
  }
})

type Given = {
  readonly run?: readonly [string, ...Array<string>]
  readonly env?: ReadonlyArray<string>
  readonly cwd?: string
  readonly limits?: Partial<Limits>
  readonly tools?: Role["tools"]
  readonly messages?: ReadonlyArray<Message>
}

const live = (options: CommandHarnessOptions = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const stateDir = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      return CommandHarness.layer({ killAfter: "200 millis", ...options }).pipe(
        Layer.provideMerge(ProcessRecords.layer({ stateDir, killAfter: "200 millis" }))
      )
    })
  ).pipe(Layer.provideMerge(NodeServices.layer))

/** A whole run of one turn; a string is a shell script. */
/** A program gets its prompt by itself. */
const unasked = Effect.die(new Error("nobody asks for it"))

const turn = Effect.fnUntraced(function* (script: string, given: Given = {}) {
  const role = makeRole({
    name: "triage",
    prompt: "Sort it.",
    harness: { _tag: "command", run: given.run ?? ["sh", "-c", script], env: given.env ?? [], cwd: given.cwd ?? "/" },
    limits: { ...defaultLimits, wallClock: 10_000, stall: 10_000, ...given.limits },
    ...(given.tools === undefined ? {} : { tools: given.tools })
  })
  const harness = yield* CommandHarness
  const session = yield* harness.open(agent, role, run)
  return yield* session.turn({
    agent,
    role,
    run,
    turn: 1,
    messages: given.messages ?? [message("event", "")],
    notice: "",
    briefing: unasked
  })
}, Effect.scoped)

/** The pids that a script told by `echo pid <n>`. */
const pids = (result: TurnResult): ReadonlyArray<number> =>
  [...result.transcript.matchAll(/^pid (\d+)$/gm)].map((match) => Number(match[1]))

const assertGone = (result: TurnResult, count: number) => {
  const told = pids(result)
  assert.strictEqual(told.length, count, result.transcript)
  assert.deepStrictEqual(
    told.filter((pid) => processTable.find(pid)?.alive === true),
    []
  )
}

const outcome = (script: string, given?: Given) => Effect.map(turn(script, given), (result) => result.outcome)

const test = (
  name: string,
  body: Effect.Effect<unknown, unknown, Layer.Success<ReturnType<typeof live>> | Scope.Scope>,
  options?: CommandHarnessOptions
) => it.live(name, () => Effect.provide(body, live(options)), 20_000)

/** The example of this name in the documentation, as a file. */
const example = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const docs = yield* fs.readFileString(path.join(import.meta.dirname, "../../../docs/command-harness.md"))
  const code = docs
    .split(`<!-- example: ${name} -->`)[1]
    ?.split("```")[1]
    ?.replace(/^\w+\n/, "")
  if (code === undefined) return yield* Effect.die(new Error(`docs/command-harness.md has no example ${name}`))
  const file = path.join(yield* fs.makeTempDirectoryScoped(), name)
  yield* fs.writeFileString(file, code, { mode: 0o755 })
  return { file, code }
})

describe("what a program says", () => {
  test(
    "the documented shell script of five lines is an agent",
    Effect.gen(function* () {
      const { code, file } = yield* example("greet.sh")
      assert.strictEqual(code.trim().split("\n").length, 5)
      const result = yield* turn("", { run: [file] })
      assert.deepStrictEqual(result.outcome, { _tag: "Completed", evidence: { summary: "Said hello." } })
      assert.deepStrictEqual(result.actions, [{ action: { _tag: "comment", body: "Hello from triage, turn 1." } }])
      assert.strictEqual(result.transcript, "Looking at acme/shop#12")
      assert.strictEqual(result.exit, 0)
    })
  )

  test(
    "the documented Python program is an agent",
    Effect.gen(function* () {
      const { file } = yield* example("triage.py")
      const bug = yield* turn("", { run: [file] })
      assert.deepStrictEqual(bug.actions, [{ action: { _tag: "add_labels", labels: ["bug"] } }], bug.stderr)
      assert.deepStrictEqual(bug.outcome, { _tag: "Completed", evidence: { summary: "Labelled as a bug." } })
      const unclear = yield* outcome("", { run: [file], messages: [message("event", "", "Make it blue")] })
      assert.deepStrictEqual(unclear, { _tag: "NeedsInput", question: "Is this a bug or a wish?" })
    })
  )

  test(
    "the documented Node program is an agent",
    Effect.gen(function* () {
      const { file } = yield* example("triage.mjs")
      const result = yield* turn("", { run: [process.execPath, file] })
      assert.deepStrictEqual(result.outcome, { _tag: "NoWorkNeeded", reason: "only looked" })
      assert.deepStrictEqual(result.actions, [{ action: { _tag: "comment", body: `Turn 1 of ${run}` } }])
      assert.strictEqual(result.transcript, "1 new messages")
    })
  )

  test(
    "it is given the turn as one document on stdin",
    Effect.gen(function* () {
      const told = message("command", "please hurry")
      const elsewhere = { ...told, event: { ...told.event, subject: { ...subject, number: 30 } } }
      const result = yield* turn("cat", { messages: [elsewhere] })
      const document: unknown = JSON.parse(result.transcript)
      assert.deepStrictEqual(document, {
        protocol: 1,
        agent: { id: agent.id, role: "triage" },
        run,
        turn: 1,
        subject: { repository: "acme/shop", kind: "issue", number: 12, key: "acme/shop#12" },
        prompt: "Sort it.",
        notice: "",
        messages: [
          {
            id: 7,
            kind: "command",
            text: "please hurry",
            event: {
              seq: 1,
              type: "issue.opened",
              at: 5,
              actor: { login: "ann", kind: "person" },
              subject: { repository: "acme/shop", kind: "issue", number: 30, key: "acme/shop#30" },
              issue: { title: "It crashes", body: "", state: "open", author: "ann", labels: [], assignees: [] }
            }
          }
        ],
        limits: { wallClock: 10_000, stall: 10_000, output: defaultLimits.output, maxTurns: defaultLimits.maxTurns },
        tools: makeRole({ name: "x", harness: { _tag: "function", name: "x" } }).tools
      })
    })
  )

  test(
    "garbage is transcript, and the turn simply ends",
    Effect.gen(function* () {
      const result = yield* turn(
        `printf '%s\\n' 'hello' '{' '[1,2]' '{"type":"assistant","x":1}' '{"type":7}' 'null' '{"a":'`
      )
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(result.transcript, `hello\n{\n[1,2]\n{"type":"assistant","x":1}\n{"type":7}\nnull\n{"a":`)
    })
  )

  test(
    "bytes that are no UTF-8 are shown as such and break nothing",
    Effect.gen(function* () {
      const result = yield* turn(`printf 'a\\377\\000b\\n{"type":"done","summary":"caf\\303\\251 \\377"}\\n'`)
      assert.strictEqual(result.transcript, "a\ufffd\ufffdb")
      assert.deepStrictEqual(result.outcome, { _tag: "Completed", evidence: { summary: "café \ufffd" } })
    })
  )

  test(
    "a last line without its end counts",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcome(`printf '{"type":"nothing","reason":"all is well"}'`), {
        _tag: "NoWorkNeeded",
        reason: "all is well"
      })
    })
  )

  test(
    "a last line that a crash cut off is not held against it",
    Effect.gen(function* () {
      const result = yield* turn(`printf '{"type":"comment","bo'; echo broken >&2; exit 4`)
      assert.deepStrictEqual(result.outcome, { _tag: "Crashed", exit: 4, stderr: "broken" })
      assert.strictEqual(result.transcript, `{"type":"comment","bo`)
    })
  )

  test(
    "the transcript keeps the newest 64 KiB",
    Effect.gen(function* () {
      const { transcript } = yield* turn(`i=0; while [ $i -lt 2000 ]; do printf '%0100d\\n' $i; i=$((i+1)); done`)
      assert.isAtMost(Buffer.byteLength(transcript), 64 * 1024)
      assert.isAbove(transcript.length, 60 * 1024)
      assert.match(transcript, /0001999$/)
    })
  )

  test(
    "a wrong line is named with its number, its field and what was expected",
    Effect.gen(function* () {
      const result = yield* turn(`echo ok; echo '{"type":"comment"}'; exec sleep 60`)
      assert.deepStrictEqual(result.outcome, { _tag: "ProtocolError", message: "line 2: field `body`: is missing" })
      assert.deepStrictEqual(result.actions, [])
    })
  )

  test(
    "a second outcome is refused",
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* outcome(`echo '{"type":"nothing","reason":"a"}'; echo '{"type":"done","summary":"b"}'; exec sleep 60`),
        { _tag: "ProtocolError", message: "line 2: a second outcome, after the one in line 1; say one and end" }
      )
    })
  )

  test(
    "an action that the role may not take spoils the turn",
    Effect.gen(function* () {
      const result = yield* turn(
        `echo '{"type":"comment","body":"x"}'; echo '{"type":"close_issue"}'; echo '{"type":"done","summary":"b"}'`,
        { tools: ["comment"] }
      )
      assert.deepStrictEqual(result.outcome, { _tag: "ToolsDenied", tools: ["close_issue"] })
      assert.deepStrictEqual(result.actions, [])
    })
  )
})

describe("how a program ends", () => {
  test(
    "exit 0 without a word is the end of a turn",
    Effect.gen(function* () {
      const result = yield* turn(`exit 0`)
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(result.exit, 0)
    })
  )

  test(
    "another exit code is a crash that shows stderr, whatever was said",
    Effect.gen(function* () {
      const result = yield* turn(
        `echo '{"type":"comment","body":"x"}'; echo '{"type":"done","summary":"b"}'; echo 'no such thing' >&2; exit 3`
      )
      assert.deepStrictEqual(result.outcome, { _tag: "Crashed", exit: 3, stderr: "no such thing" })
      assert.deepStrictEqual(result.actions, [])
      assert.strictEqual(result.exit, 3)
      assert.strictEqual(result.stderr, "no such thing")
    })
  )

  test(
    "only the newest 4 KiB of stderr are shown",
    Effect.gen(function* () {
      const { stderr } = yield* turn(
        `i=0; while [ $i -lt 300 ]; do printf '%0100d\\n' $i >&2; i=$((i+1)); done; exit 1`
      )
      assert.isAtMost(Buffer.byteLength(stderr), 4 * 1024)
      assert.match(stderr, /0000299$/)
    })
  )

  test(
    "exit 75 asks to come again in a minute",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcome(`exit 75`), { _tag: "RateLimited", retryAfter: 60_000 })
    })
  )

  test(
    "a signal is named",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcome(`echo oh >&2; kill -KILL $$`), {
        _tag: "Crashed",
        exit: null,
        stderr: "killed by SIGKILL\noh"
      })
    })
  )

  test(
    "an unknown command says where it was looked for",
    Effect.gen(function* () {
      const result = yield* turn("", { run: ["no-such-agent", "--fast"] })
      if (result.outcome._tag !== "Crashed") return assert.fail(result.outcome._tag)
      assert.match(
        result.outcome.stderr,
        /^Cannot start `no-such-agent` in \/: no folder of PATH has it \(PATH=.+\)\. Install it/
      )
    })
  )

  test(
    "a file that may not be executed says what to do",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${cwd}/agent.sh`, "#!/bin/sh\n", { mode: 0o644 })
      const result = yield* turn("", { run: ["./agent.sh"], cwd })
      if (result.outcome._tag !== "Crashed") return assert.fail(result.outcome._tag)
      assert.match(result.outcome.stderr, /may not be executed\. Make it executable \(`chmod \+x`\)/)
    })
  )

  test(
    "a missing folder is a matter of the workspace",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcome("", { cwd: "/no/such/folder" }), {
        _tag: "WorkspaceError",
        message: "there is no folder /no/such/folder to run `sh` in. Create it, or correct the role's `cwd`."
      })
    })
  )

  test(
    "a program that closes its input early may still do its work",
    Effect.gen(function* () {
      const result = yield* turn(`exec < /dev/null; sleep 0.1; echo '{"type":"done","summary":"b"}'`, {
        messages: [message("event", "x".repeat(5_000_000))]
      })
      assert.deepStrictEqual(result.outcome, { _tag: "Completed", evidence: { summary: "b" } })
    })
  )

  test(
    "a program that never reads its large input may still do its work",
    Effect.gen(function* () {
      const result = yield* turn(`sleep 0.1; echo '{"type":"done","summary":"b"}'`, {
        messages: [message("event", "x".repeat(5_000_000))]
      })
      assert.deepStrictEqual(result.outcome, { _tag: "Completed", evidence: { summary: "b" } })
    })
  )
})

describe("limits", () => {
  test(
    "printing without end is cut off at the cap, in bounded memory",
    Effect.gen(function* () {
      const before = process.memoryUsage().rss
      const result = yield* turn(`echo pid $$; exec cat /dev/zero`, { limits: { output: 1_000_000 } })
      assert.deepStrictEqual(result.outcome, {
        _tag: "ProtocolError",
        message: "printed more than 1000000 bytes, its role's `output` limit"
      })
      assert.isAtMost(Buffer.byteLength(result.transcript), 64 * 1024)
      assert.isBelow(process.memoryUsage().rss - before, 100_000_000)
    })
  )

  test(
    "stderr counts towards the cap",
    Effect.gen(function* () {
      const result = yield* turn(`exec yes >&2`, { limits: { output: 100_000 } })
      assert.strictEqual(result.outcome._tag, "ProtocolError")
    })
  )

  test(
    "printing without end and ignoring signals is no way to go on",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.makeTempDirectoryScoped()
      const ended = yield* outcome(`trap '' TERM PIPE; echo $$ > pid; while :; do echo y; done`, {
        cwd,
        limits: { output: 100_000 }
      })
      assert.strictEqual(ended._tag, "ProtocolError")
      assert.notStrictEqual(processTable.find(Number(yield* fs.readFileString(`${cwd}/pid`)))?.alive, true)
    })
  )

  test(
    "a program that never ends is ended at its time limit",
    Effect.gen(function* () {
      const result = yield* turn(`echo pid $$; while :; do echo busy; sleep 0.05; done`, { limits: { wallClock: 300 } })
      assert.deepStrictEqual(result.outcome, { _tag: "TimedOut", limit: 300 })
      assert.strictEqual(result.exit, null)
      assertGone(result, 1)
    })
  )

  test(
    "a silent program has stalled",
    Effect.gen(function* () {
      const result = yield* turn(`echo pid $$; sleep 60`, { limits: { stall: 200 } })
      assert.deepStrictEqual(result.outcome, { _tag: "Stalled", silentFor: 200 })
      assertGone(result, 1)
    })
  )

  test(
    "a program that talks now and then has not stalled",
    Effect.gen(function* () {
      const result = yield* turn(`for i in 1 2 3 4 5 6; do sleep 0.1; echo . >&2; done`, { limits: { stall: 400 } })
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
    })
  )

  test(
    "what a program prints on its way out does not change why it was ended",
    Effect.gen(function* () {
      const result = yield* turn(
        `trap 'echo "{\\"type\\":\\"comment\\"}"; exit 0' TERM; echo pid $$; while :; do sleep 0.05; done`,
        {
          limits: { stall: 200 }
        }
      )
      assert.deepStrictEqual(result.outcome, { _tag: "Stalled", silentFor: 200 })
    })
  )

  it.effect(
    "limits follow the clock of the program, so half an hour takes a test no time",
    () =>
      Effect.gen(function* () {
        const passing = Effect.forever(
          Effect.andThen(TestClock.adjust("1 minute"), TestClock.withLive(Effect.sleep("5 millis")))
        )
        const limits = { wallClock: defaultLimits.wallClock, stall: defaultLimits.stall }
        const ended = yield* Effect.raceFirst(turn(`exec sleep 1000`, { limits }), passing)
        assert.deepStrictEqual(ended.outcome, { _tag: "Stalled", silentFor: defaultLimits.stall })
      }).pipe(Effect.provide(live())),
    20_000
  )
})

describe("processes", () => {
  test(
    "grandchildren end with their turn, those in sessions of their own too",
    Effect.gen(function* () {
      const result = yield* turn(`
      sleep 60 & echo pid $!
      setsid sh -c 'echo pid $$; sleep 60' &
      sh -c 'setsid sh -c "echo pid \\$\\$; trap \\"\\" TERM; while :; do sleep 0.05; done" &'
      sleep 0.3
      echo '{"type":"done","summary":"left three behind"}'`)
      assert.deepStrictEqual(result.outcome, { _tag: "Completed", evidence: { summary: "left three behind" } })
      assertGone(result, 3)
    })
  )

  test(
    "a grandchild that hides its marks is found by its descent",
    Effect.gen(function* () {
      const result = yield* turn(`env -i setsid sh -c 'echo pid $$; exec sleep 60' & echo pid $$; wait`, {
        limits: { stall: 300 }
      })
      assert.strictEqual(result.outcome._tag, "Stalled")
      assertGone(result, 2)
    })
  )

  test(
    "a program that ignores SIGTERM is dead after the bound",
    Effect.gen(function* () {
      const started = performance.now()
      const result = yield* turn(`trap '' TERM; echo pid $$; while :; do sleep 0.05; done`, {
        limits: { wallClock: 200 }
      })
      assert.deepStrictEqual(result.outcome, { _tag: "TimedOut", limit: 200 })
      assertGone(result, 1)
      assert.isBelow(performance.now() - started, 3_000)
    })
  )

  test(
    "a program that stopped itself is dead after the bound",
    Effect.gen(function* () {
      const result = yield* turn(`echo pid $$; kill -STOP $$`, { limits: { stall: 200 } })
      assert.strictEqual(result.outcome._tag, "Stalled")
      assertGone(result, 1)
    })
  )

  test(
    "interrupting a turn ends its whole tree, and completes",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.makeTempDirectoryScoped()
      const script = `setsid sleep 60 & echo $! > b; echo $$ > a; echo > ready; trap '' TERM; while :; do sleep 0.05; done`
      const running = yield* Effect.forkChild(turn(script, { cwd }))
      yield* Effect.repeat(fs.exists(`${cwd}/ready`), { until: (there) => there })
      const told = yield* Effect.forEach(["a", "b"], (name) => Effect.map(fs.readFileString(`${cwd}/${name}`), Number))
      assert.deepStrictEqual(
        told.map((pid) => processTable.find(pid)?.alive),
        [true, true]
      )
      yield* Fiber.interrupt(running)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(running)))
      assert.deepStrictEqual(
        told.filter((pid) => processTable.find(pid)?.alive === true),
        []
      )
    })
  )

  test(
    "closing the session ends a turn that nobody interrupted",
    Effect.gen(function* () {
      const role = makeRole({ name: "triage", harness: { _tag: "command", run: ["sleep", "60"], env: [], cwd: "/" } })
      const scope = yield* Scope.make()
      const session = yield* (yield* CommandHarness).open(agent, role, run).pipe(Scope.provide(scope))
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.makeTempDirectoryScoped()
      const marked = { ...role, harness: { ...role.harness } }
      const result = yield* Effect.forkChild(
        session.turn({ agent, role: marked, run, turn: 1, messages: [], notice: cwd, briefing: unasked })
      )
      const records = yield* ProcessRecords
      yield* Effect.repeat(
        Effect.sync(() => marks(records.home)),
        { until: (found) => found.length > 0 }
      )
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(marks(records.home), [])
      assert.deepStrictEqual((yield* Fiber.join(result)).outcome, {
        _tag: "Interrupted",
        reason: "its session was closed"
      })
    })
  )

  test(
    "two runs at once do not end each other's processes",
    Effect.gen(function* () {
      const harness = yield* CommandHarness
      const gate = yield* Deferred.make<TurnResult>()
      const one = Effect.fnUntraced(function* (run: string, script: string) {
        const role = makeRole({
          name: "triage",
          harness: { _tag: "command", run: ["sh", "-c", script], env: [], cwd: "/" }
        })
        const session = yield* harness.open(agent, role, run)
        return yield* session.turn({ agent, role, run, turn: 1, messages: [], notice: "", briefing: unasked })
      }, Effect.scoped)
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.makeTempDirectoryScoped()
      const long = yield* Effect.forkChild(
        one(
          "a/1",
          `echo > ${cwd}/ready; until [ -e ${cwd}/go ]; do sleep 0.02; done; echo '{"type":"done","summary":"lived"}'`
        )
      )
      yield* Effect.repeat(fs.exists(`${cwd}/ready`), { until: (there) => there })
      yield* Deferred.succeed(gate, yield* one("a/2", `exit 0`))
      yield* fs.writeFileString(`${cwd}/go`, "")
      assert.deepStrictEqual((yield* Fiber.join(long)).outcome, { _tag: "Completed", evidence: { summary: "lived" } })
    })
  )

  test(
    "no record is left of a process that is gone",
    Effect.gen(function* () {
      const records = yield* ProcessRecords
      yield* turn(`exit 0`)
      assert.deepStrictEqual(yield* records.reap, [])
    })
  )
})

const marks = (home: string) =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("SQUADRON_HOME_ID") === home)

describe("environment", () => {
  const hostEnv = {
    ...process.env,
    SECRET_TOKEN: "s3cret",
    LISTED: "shown",
    TZ: "UTC",
    LC_TIME: "C",
    SQUADRON_RUN: "outer/1"
  }

  test(
    "a program sees the fixed few and what its role lists, nothing else of the daemon's",
    Effect.gen(function* () {
      const records = yield* ProcessRecords
      const { transcript } = yield* turn(`env`, {
        env: ["LISTED"],
        messages: [message("command", "do\nit"), message("event", "")]
      })
      const seen = new Map(
        transcript.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string | undefined])
      )
      for (const own of ["PWD", "OLDPWD", "SHLVL", "_"]) seen.delete(own)
      const host = ["PATH", "HOME", "LANG", "TMPDIR", ...Object.keys(hostEnv).filter((name) => name.startsWith("LC_"))]
      for (const name of host) seen.delete(name)
      assert.deepStrictEqual(Object.fromEntries(seen), {
        TERM: "dumb",
        TZ: "UTC",
        LISTED: "shown",
        SQUADRON_AGENT: agent.id,
        SQUADRON_ROLE: "triage",
        SQUADRON_RUN: run,
        SQUADRON_TURN: "1",
        SQUADRON_REPOSITORY: "acme/shop",
        SQUADRON_SUBJECT: "acme/shop#12",
        SQUADRON_NUMBER: "12",
        SQUADRON_TEXT: "do",
        it: undefined,
        SQUADRON_URL: "http://127.0.0.1:8470",
        SQUADRON_HOME_ID: records.home
      })
    }),
    { hostEnv, url: "http://127.0.0.1:8470" }
  )

  test(
    "a listed variable that the daemon does not have is refused before the program starts",
    Effect.gen(function* () {
      const result = yield* turn(`echo started`, { env: ["LISTED", "MISSING_TOKEN"] })
      if (result.outcome._tag !== "NotAuthorized") return assert.fail(result.outcome._tag)
      assert.match(result.outcome.reason, /^the role needs MISSING_TOKEN, which the daemon's environment does not have/)
      assert.strictEqual(result.transcript, "")
    }),
    { hostEnv }
  )

  test(
    "a command of any length and with any character starts the program",
    Effect.gen(function* () {
      const result = yield* turn(`printf %s "$SQUADRON_TEXT" | wc -c`, {
        messages: [message("command", `a\0${"é".repeat(200_000)}`)]
      })
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(result.transcript.trim(), String(32 * 1024 - 1))
    })
  )
})
