import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, type Layer, Path, type Scope } from "effect"
import type { ServerResponse } from "node:http"
import { Sandbox } from "../../src/services/Sandbox.ts"
import {
  allDead,
  type Folders,
  launch,
  live,
  makeFolders,
  node,
  programOf,
  run,
  serve,
  shellCode
} from "../adapters/sandbox/Enclosures.ts"

const mebibyte = Buffer.from(Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 7 + (index >> 8)) % 256))

/** Asks the port; `body` of the first answer goes into further requests. */
const client = (port: number, script: string) =>
  node(`const url = "http://127.0.0.1:${port}"; (async () => { ${script} })()`)

/** What every sandbox promises; `layer` gives one for the state folder. */
export const suite = (
  name: string,
  layer: (folders: Folders) => Layer.Layer<Sandbox>,
  options: { readonly skip?: boolean } = {}
) => {
  const test = (
    title: string,
    body: (
      folders: Folders
    ) => Effect.Effect<unknown, unknown, Sandbox | FileSystem.FileSystem | Path.Path | Scope.Scope>
  ) =>
    live(title, () =>
      Effect.gen(function* () {
        const folders = yield* makeFolders
        yield* Effect.scoped(Effect.provide(body(folders), layer(folders)))
        yield* allDead(folders)
      })
    )

  const enclosed = Effect.fnUntraced(function* (...args: Parameters<typeof programOf>) {
    return yield* (yield* Sandbox).enclose(programOf(...args))
  })

  describe.skipIf(options.skip === true)(name, () => {
    for (const env of [
      {},
      { PATH: "/bin", A: "1", "B-c": "two words", EMPTY: "", LINES: "a\nb", É: "ü" },
      { PWD: "/nowhere", LD_LIBRARY_PATH: "lib", NODE_OPTIONS: "--no-warnings", HTTP_PROXY: "http://proxy" }
    ]) {
      test(`gives the environment exactly: ${Object.keys(env).join(", ") || "none"}`, (folders) =>
        Effect.gen(function* () {
          const script = "process.stdout.write(JSON.stringify(process.env))"
          const { err, text } = yield* run(programOf(folders, { run: node(script), env }))
          assert.strictEqual(err, "")
          assert.deepStrictEqual(JSON.parse(text), env)
        }))
    }

    test("starts the program in its folder, with its arguments as they are", (folders) =>
      Effect.gen(function* () {
        const script = "process.stdout.write(JSON.stringify([process.cwd(), process.argv.slice(1)]))"
        const args = ["--", "--port", "a b", "", "$HOME", "\n"]
        const { text } = yield* run(programOf(folders, { run: [...node(script), ...args] }))
        // Node takes the first `--` for its own.
        assert.deepStrictEqual(JSON.parse(text), [folders.workspace, args.slice(1)])
      }))

    test("keeps what is written to the workspace and to HOME", (folders) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const script = 'echo a > made && echo b > "$HOME/made"'
        const { code, err } = yield* run(programOf(folders, { run: ["sh", "-c", script] }))
        assert.deepStrictEqual([code, err], [0, ""])
        assert.strictEqual(yield* fs.readFileString(path.join(folders.workspace, "made")), "a\n")
        assert.strictEqual(yield* fs.readFileString(path.join(folders.home, "made")), "b\n")
      }))

    test("hands through 1 MiB of any bytes, and the end of input", (folders) =>
      Effect.gen(function* () {
        const { code, out } = yield* run(programOf(folders, { run: ["cat"] }), mebibyte)
        assert.strictEqual(code, 0)
        assert.isTrue(out.equals(mebibyte))
      }))

    test("keeps standard output and standard error apart", (folders) =>
      Effect.gen(function* () {
        const { err, text } = yield* run(programOf(folders, { run: ["sh", "-c", "echo out; echo err >&2"] }))
        assert.deepStrictEqual([text, err], ["out", "err\n"])
      }))

    test("passes on the exit code, and an end by a signal as a shell does", (folders) =>
      Effect.gen(function* () {
        const scripts = ["exit 0", "exit 7", "exit 255", "kill -TERM $$", "kill -KILL $$"]
        const codes = yield* Effect.forEach(scripts, (script) =>
          Effect.map(run(programOf(folders, { run: ["sh", "-c", script] })), ({ code }) => code)
        )
        assert.deepStrictEqual(codes, [0, 7, 255, 143, 137])
      }))

    test("lets the program answer SIGTERM, which it hears once", (folders) =>
      Effect.gen(function* () {
        const script = `let heard = 0
          process.on("SIGTERM", () => { heard += 1; if (heard === 1) setTimeout(() => process.exit(40 + heard), 500) })
          setInterval(() => {}, 1000); console.log("ready")`
        const running = yield* launch(yield* enclosed(folders, { run: node(script) }))
        yield* running.said("ready")
        yield* running.end("20 seconds")
        assert.strictEqual(shellCode(yield* running.ended), 41)
      }))

    test("starts the program with no signal ignored or blocked", (folders) =>
      Effect.gen(function* () {
        const { text } = yield* run(programOf(folders, { run: ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"] }))
        assert.deepStrictEqual(text.match(/[0-9a-f]{16}/g), ["0000000000000000", "0000000000000000"])
      }))

    test("reaches a port of this machine under its own address", (folders) =>
      Effect.gen(function* () {
        const port = yield* serve((request, response) => {
          response.setHeader("x-method", request.method ?? "")
          request.pipe(response)
        })
        const script = `const bytes = Buffer.alloc(3_000_000, "squadron")
          const answer = await fetch(url, { method: "POST", body: bytes })
          const same = Buffer.from(await answer.arrayBuffer()).equals(bytes)
          console.log(answer.status, answer.headers.get("x-method"), same)`
        const { err, text } = yield* run(programOf(folders, { run: client(port, script), ports: [port] }))
        assert.deepStrictEqual([text, err], ["200 POST true", ""])
      }))

    test("hears an answer while it is being given", (folders) =>
      Effect.gen(function* () {
        let held: ServerResponse | undefined
        // Each word is said only when the one before was heard.
        const port = yield* serve((request, response) => {
          if (request.url === "/stream") {
            held = response
            return response.write("one ")
          }
          if (request.url === "/two") held?.write("two ")
          else held?.end("three")
          return response.end()
        })
        const script = `const words = { "one ": "/two", "two ": "/three" }
          for await (const bytes of (await fetch(url + "/stream")).body) {
            const word = Buffer.from(bytes).toString()
            process.stdout.write(word)
            if (words[word]) await fetch(url + words[word])
          }`
        const { err, text } = yield* run(programOf(folders, { run: client(port, script), ports: [port] }))
        assert.deepStrictEqual([text, err], ["one two three", ""])
      }))

    test("has 20 connections at once, through several ports", (folders) =>
      Effect.gen(function* () {
        const held: Array<ServerResponse> = []
        // Nobody is answered before everybody has asked.
        const answer = (_: unknown, response: ServerResponse) => {
          held.push(response)
          if (held.length === 20) for (const [index, one] of held.entries()) one.end(String(index))
        }
        const ports = [yield* serve(answer), yield* serve(answer)]
        const script = `const ports = ${JSON.stringify(ports)}
          const ask = async (_, index) => (await fetch("http://127.0.0.1:" + ports[index % 2])).text()
          const answers = await Promise.all(Array.from({ length: 20 }, ask))
          console.log(new Set(answers).size)`
        const { err, text } = yield* run(programOf(folders, { run: client(0, script), ports }))
        assert.deepStrictEqual([text, err], ["20", ""])
      }))

    test("a second program gets its own enclosure beside the first", (folders) =>
      Effect.gen(function* () {
        const port = yield* serve((_, response) => response.end("here"))
        const program = { run: client(port, "console.log(await (await fetch(url)).text())"), ports: [port] }
        const results = yield* Effect.all([run(programOf(folders, program)), run(programOf(folders, program))], {
          concurrency: 2
        })
        assert.deepStrictEqual(
          results.map(({ text }) => text),
          ["here", "here"]
        )
      }))

    test("leaves no grandchild, whatever it did to stay", (folders) =>
      Effect.gen(function* () {
        const script = `trap '' TERM; (trap '' TERM; sleep 600) & echo ready; wait`
        const running = yield* launch(yield* enclosed(folders, { run: ["sh", "-c", script] }), null)
        yield* running.said("ready")
        yield* running.end("100 millis")
        yield* allDead(folders)
      }))
  })
}
