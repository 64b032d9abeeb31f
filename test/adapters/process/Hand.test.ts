import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { getPriority } from "node:os"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { isAlive, realSleep } from "../../../src/adapters/harness/ProcessTree.ts"
import { CannotStart, startProgram } from "../../../src/adapters/harness/Program.ts"
import { hand, type Hold, type Listener, makeHand } from "../../../src/adapters/process/Hand.ts"
import type { Begun, Start } from "../../../src/adapters/process/handMessages.ts"

type Exit = { readonly code: number | null; readonly signal: string | null }

/** Names this process too, since others may test the same at the same time. */
const valueOf = (mark: string) => `${mark} ${process.pid}`

const env = (mark = "none") => ({ PATH: process.env["PATH"] ?? "", HAND_TEST: valueOf(mark) })

const shell = (script: string, mark?: string): Start => ({
  program: "sh",
  args: ["-c", script],
  env: env(mark),
  input: null
})

/** Starts a program, and keeps what is told of it; whatever is left of its group is killed with the scope. */
const begin = Effect.fnUntraced(function* (start: Start, by = hand) {
  const order: Array<string> = []
  const tell = (what: string) => void (order.at(-1) === what || order.push(what))
  const chunks: Array<Buffer> = []
  const begun = Deferred.makeUnsafe<Begun, string>()
  const exited = Deferred.makeUnsafe<Exit>()
  const closed = Deferred.makeUnsafe<void>()
  const lost = Deferred.makeUnsafe<string>()
  const rooms: Array<number> = []
  const listener: Listener = {
    begun: (it) => {
      tell("begun")
      Deferred.doneUnsafe(begun, Effect.succeed(it))
    },
    refused: (_, code) => void Deferred.doneUnsafe(begun, Effect.fail(code)),
    output: (bytes, source) => {
      tell(source)
      chunks.push(bytes)
    },
    outputEnds: () => tell("end"),
    room: (unread) => rooms.push(unread),
    exited: (code, signal) => {
      tell("exited")
      Deferred.doneUnsafe(exited, Effect.succeed({ code, signal }))
    },
    closed: () => {
      tell("closed")
      Deferred.doneUnsafe(closed, Effect.void)
    },
    lost: (why) => {
      tell("lost")
      Deferred.doneUnsafe(begun, Effect.fail("LOST"))
      Deferred.doneUnsafe(lost, Effect.succeed(why))
    }
  }
  const hold: Hold = by.start(start, listener)
  yield* Effect.addFinalizer(() =>
    Effect.ignore(Effect.flatMap(Deferred.await(begun), ({ pid }) => Effect.try(() => process.kill(-pid, "SIGKILL"))))
  )
  return { order, rooms, hold, begun, exited, closed, lost, printed: () => Buffer.concat(chunks) }
})

const marked = (mark: string) =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("HAND_TEST") === valueOf(mark))

const gone = (mark: string) =>
  Effect.repeat(
    Effect.andThen(
      realSleep(5),
      Effect.sync(() => marked(mark).length)
    ),
    { until: (count) => count === 0 }
  )

/** Bytes that a process has written, once that stays as it is or is beyond `limit`. */
const writtenAtRest = Effect.fnUntraced(function* (pid: number, limit: number) {
  for (let before = -1; ;) {
    const now = Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1])
    if (now > limit || (now > 0 && now === before)) return now
    before = now
    yield* realSleep("200 millis")
  }
})

const MiB = 1024 * 1024

describe("a program that the hand starts", () => {
  it.live("gives way to this process, also where the kernel shares the processor out among sessions", () =>
    Effect.gen(function* () {
      const shares = existsSync("/proc/self/autogroup")
      // who is not root may have to be let in later
      const lowered = "until grep -q 'nice 10' /proc/$$/autogroup; do sleep 0.05; done"
      const program = yield* begin(shell(`read line; ${shares ? lowered : ":"}; nice`))
      yield* Deferred.await(program.begun)
      program.hold.send(Buffer.from("\n"))
      yield* Deferred.await(program.closed)
      assert.strictEqual(Number(program.printed().toString()), Math.max(10, getPriority()))
    })
  )

  it.live("is heard from its start to its end", () =>
    Effect.gen(function* () {
      const program = yield* begin(shell('read line; echo "$line"; echo oh >&2; exit 3'))
      yield* Deferred.await(program.begun)
      program.hold.send(Buffer.from("hello\n"))
      program.hold.end()
      assert.deepStrictEqual(yield* Deferred.await(program.exited), { code: 3, signal: null })
      yield* Deferred.await(program.closed)
      assert.include(program.printed().toString(), "hello\n")
      assert.include(program.printed().toString(), "oh\n")
      assert.strictEqual(program.order[0], "begun")
      assert.strictEqual(program.order.at(-1), "closed")
    })
  )

  it.live("has its pid, start time and order, also where it is through at once", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 30; n++) {
        const program = yield* begin({ program: "true", args: [], env: env(), input: "" })
        const { order, startTime } = yield* Deferred.await(program.begun)
        assert.notStrictEqual(startTime, "gone")
        assert.isAbove(order, 0)
        yield* Deferred.await(program.closed)
      }
    })
  )

  it.live("is told by the system's code where it cannot be started", () =>
    Effect.gen(function* () {
      const codeOf = (start: Start) => Effect.flatMap(begin(start), ({ begun }) => Effect.flip(Deferred.await(begun)))
      const plain = { args: [], env: env(), input: null }
      assert.strictEqual(yield* codeOf({ ...plain, program: "no-such-program" }), "ENOENT")
      assert.strictEqual(yield* codeOf({ ...plain, program: fileURLToPath(import.meta.url) }), "EACCES")
      assert.strictEqual(yield* codeOf({ ...plain, program: "true", cwd: "/no/such/folder" }), "ENOENT")
      assert.strictEqual(yield* codeOf({ ...plain, program: "true", args: ["x".repeat(8 * MiB)] }), "E2BIG")
      assert.strictEqual(yield* codeOf({ ...plain, program: "a\0b" }), "ERR_INVALID_ARG_VALUE")
    })
  )

  it.live("waits where nobody takes what it prints, and nothing of that is lost", () =>
    Effect.gen(function* () {
      const program = yield* begin({
        program: "head",
        args: ["-c", String(64 * MiB), "/dev/zero"],
        env: env(),
        input: ""
      })
      const { pid } = yield* Deferred.await(program.begun)
      program.hold.pause()
      const before = program.printed().length
      assert.isBelow(yield* writtenAtRest(pid, 32 * MiB), 4 * MiB + before)
      program.hold.resume()
      yield* Deferred.await(program.closed)
      assert.strictEqual(program.printed().length, 64 * MiB)
    })
  )

  it.live("that prints on stderr is heard while its stdout waits, and its end comes after what waited", () =>
    Effect.gen(function* () {
      const program = yield* begin(shell("read go; echo out; echo err >&2"))
      yield* Deferred.await(program.begun)
      program.hold.pause()
      program.hold.send(Buffer.from("go\n"))
      yield* Deferred.await(program.exited)
      while (!program.order.includes("stderr")) yield* realSleep(5)
      assert.notInclude(program.order, "stdout")
      const other = yield* begin({ program: "true", args: [], env: env(), input: "" })
      yield* Deferred.await(other.closed)
      assert.notInclude(program.order, "closed")
      program.hold.resume()
      yield* Deferred.await(program.closed)
      assert.strictEqual(program.order.at(-1), "closed")
      assert.include(program.printed().toString(), "out\n")
    })
  )

  it.live("that does not read is told by how much waits for it, and one that reads by room", () =>
    Effect.gen(function* () {
      const deaf = yield* begin(shell("exec sleep 600"))
      yield* Deferred.await(deaf.begun)
      let waits = 0
      for (let n = 0; n < 4; n++) waits = deaf.hold.send(Buffer.alloc(MiB))
      assert.isAbove(waits, 3 * MiB)
      const sent = Buffer.alloc(5 * MiB, "squadron ")
      const reader = yield* begin(shell("exec cat"))
      yield* Deferred.await(reader.begun)
      for (let at = 0; at < sent.length; at += 70_000) reader.hold.send(sent.subarray(at, at + 70_000))
      reader.hold.end()
      yield* Deferred.await(reader.closed)
      const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")
      assert.strictEqual(hash(reader.printed()), hash(sent))
      assert.isAbove(reader.rooms.length, 20)
      assert.strictEqual(reader.rooms.at(-1), 0)
      // its input is closed
      assert.strictEqual(reader.hold.send(Buffer.alloc(10)), 0)
    })
  )

  it.live("that is let go of has nobody to print for, and nothing of it is heard but its end", () =>
    Effect.gen(function* () {
      const program = yield* begin(shell("exec yes"))
      yield* Deferred.await(program.begun)
      while (!program.order.includes("stdout")) yield* realSleep(5)
      program.hold.pause()
      program.hold.release()
      const before = program.printed().length
      // by SIGPIPE, or by an error that it sees
      assert.notStrictEqual((yield* Deferred.await(program.exited)).code, 0)
      yield* Deferred.await(program.closed)
      assert.strictEqual(program.printed().length, before)
      assert.notInclude(program.order, "end")
    })
  )

  it.live("that is not waited for is ended", () =>
    Effect.gen(function* () {
      const starting = yield* Effect.forkChild(
        startProgram({ run: ["sleep", "600"], cwd: "/", env: env("unwanted"), onOutput: () => {} }),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(starting)
      assert.deepStrictEqual(marked("unwanted"), [])
    })
  )
})

describe("the hand's thread", () => {
  it.live("ends with every program that it started; it is told, and the next start makes another", () =>
    Effect.gen(function* () {
      const own = makeHand("own")
      const program = yield* begin(shell("sleep 600 & exec sleep 600", "lost"), own)
      const leader = yield* Deferred.await(program.begun)
      while (marked("lost").length < 2) yield* realSleep(5)
      const late = yield* begin(shell("exec sleep 600", "late"), own)
      yield* Effect.promise(() => own.end())
      assert.include(yield* Deferred.await(program.lost), "ended")
      assert.strictEqual(program.order.at(-1), "lost")
      yield* Deferred.await(late.lost)
      yield* gone("lost")
      yield* gone("late")
      assert.isFalse(isAlive(leader))
      // no more than nothing happens
      assert.isNumber(program.hold.send(Buffer.from("x")))
      program.hold.release()
      const next = yield* begin({ program: "true", args: [], env: env(), input: "" }, own)
      assert.deepStrictEqual(yield* Deferred.await(next.exited), { code: 0, signal: null })
    })
  )

  it.live(
    "that ends while programs are being started leaves none of them",
    () =>
      Effect.gen(function* () {
        for (let n = 0; n < 10; n++) {
          const own = makeHand("own")
          const all = yield* Effect.all(Array.from({ length: 60 }, () => begin(shell("exec sleep 600", "midway"), own)))
          // from here on the thread does hardly anything but start the others
          yield* Effect.forEach(all.slice(0, 1 + (n % 5)), ({ begun }) => Deferred.await(begun))
          yield* Effect.promise(() => own.end())
          for (const { lost } of all) yield* Deferred.await(lost)
          yield* gone("midway")
        }
      }),
    20_000
  )

  it.live("that ends is the end of a program, with its reason on stderr", () =>
    Effect.gen(function* () {
      let said = ""
      const options = { run: ["sleep", "600"] as const, cwd: "/", env: env("said") }
      const program = yield* startProgram({
        ...options,
        onOutput: (bytes, source) => void (said += `${source}: ${bytes}`)
      })
      const starting = yield* Effect.forkChild(Effect.flip(startProgram({ ...options, onOutput: () => {} })), {
        startImmediately: true
      })
      yield* Effect.promise(() => hand.end())
      assert.deepStrictEqual(yield* Deferred.await(program.exited), { code: null, signal: "SIGKILL" })
      yield* Deferred.await(program.drained)
      assert.match(said, /^stderr: squadron: ended, .*its thread has ended/)
      const error = yield* Fiber.join(starting)
      assert.instanceOf(error, CannotStart)
      assert.include(error.message, "The next start makes another one.")
      yield* gone("said")
    })
  )

  it("does not keep this process alive once nothing runs", () => {
    const module = new URL("../../../src/adapters/process/Hand.ts", import.meta.url).href
    const script = `
      import { hand } from ${JSON.stringify(module)}
      const nothing = () => {}
      hand.start(
        { program: "sh", args: ["-c", "sleep 0.2"], env: { ...process.env }, input: "" },
        { begun: nothing, refused: nothing, output: nothing, exited: nothing, lost: nothing, closed: () => console.log("closed") }
      )`
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      timeout: 15_000
    })
    assert.deepStrictEqual({ status, stdout }, { status: 0, stdout: "closed\n" })
  })
})
