import { createServer, type TlsOptions } from "node:tls"
import type { AddressInfo } from "node:net"
import { assert, describe } from "@effect/vitest"
import { Effect, type FileSystem, Logger, type Path, type Scope } from "effect"
import * as BwrapSandbox from "../../../src/adapters/sandbox/BwrapSandbox.ts"
import { detect } from "../../../src/adapters/sandbox/detect.ts"
import { Sandbox } from "../../../src/services/Sandbox.ts"
import { allDead, type Folders, live, makeFolders, node, programOf, run, serve } from "./Enclosures.ts"

const found = await Effect.runPromise(detect)
const skip = found.kind === "none"
const name = found.kind === "none" ? `bubblewrap (skipped: ${found.reason})` : "bubblewrap"

const test = (
  title: string,
  body: (folders: Folders) => Effect.Effect<unknown, unknown, Sandbox | FileSystem.FileSystem | Path.Path | Scope.Scope>
) =>
  live(title, () =>
    Effect.gen(function* () {
      const folders = yield* makeFolders
      const layer = BwrapSandbox.layer({ stateDir: folders.stateDir })
      yield* Effect.scoped(Effect.provide(body(folders), layer))
      yield* allDead(folders)
    })
  )

// A key that both know stands for a certificate.
const tls: TlsOptions = {
  ciphers: "PSK",
  maxVersion: "TLSv1.2",
  pskCallback: () => Buffer.from("0123456789abcdef")
}

const serveTls = Effect.map(
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(tls, (connection) => {
        connection.on("error", () => {})
        connection.on("data", (bytes) => connection.end(`heard ${bytes.toString()}`))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  ),
  (server) => (server.address() as AddressInfo).port
)

/** Goes through the proxy that the environment names; `tunnel(target)` gives a status and a connection. */
const client = (script: string) =>
  node(`const http = require("http"), tls = require("tls"), proxy = new URL(process.env.HTTPS_PROXY)
    const at = { host: proxy.hostname, port: proxy.port }
    const all = async (stream) => { let text = ""; for await (const bytes of stream) text += bytes; return text }
    const tunnel = (path) => new Promise((done, fail) => http.request({ ...at, method: "CONNECT", path })
      .on("connect", (answer, socket, head) => { if (head.length) socket.unshift(head); done({ status: answer.statusCode, socket }) })
      .on("error", fail).end())
    const plain = (path, headers = {}) => new Promise((done, fail) => http.request({ ...at, path, headers })
      .on("response", async (answer) => done([answer.statusCode, await all(answer)])).on("error", fail).end())
    ;(async () => { ${script} })()`)

describe.skipIf(skip)(`${name}: hosts`, () => {
  test("a listed host is reached by TLS, and hears what is said", (folders) =>
    Effect.gen(function* () {
      const port = yield* serveTls
      const script = `const { socket, status } = await tunnel("localhost:${port}")
        const pskCallback = () => ({ psk: Buffer.from("0123456789abcdef"), identity: "x" })
        const secure = tls.connect({ socket, ciphers: "PSK", maxVersion: "TLSv1.2", pskCallback, checkServerIdentity: () => {} })
        secure.on("secureConnect", () => secure.write("hello"))
        console.log(status, await all(secure))`
      const { err, text } = yield* run(programOf(folders, { run: client(script), hosts: [`localhost:${port}`] }))
      assert.deepStrictEqual([text, err], ["200 heard hello", ""])
    }))

  test("a listed host is reached by plain HTTP, with its own headers only", (folders) =>
    Effect.gen(function* () {
      const port = yield* serve((request, response) => {
        response.end(
          JSON.stringify([request.url, request.headers.host, request.headers["proxy-authorization"] ?? null])
        )
      })
      const script = `console.log(...await plain("http://localhost:${port}/a?b=c", { "proxy-authorization": "mine" }))`
      const { text } = yield* run(programOf(folders, { run: client(script), hosts: [`localhost:${port}`] }))
      assert.strictEqual(text, `200 ["/a?b=c","localhost:${port}",null]`)
    }))

  test("clients that know only the environment's variables reach it", (folders) =>
    Effect.gen(function* () {
      const port = yield* serve((_, response) => response.end("reached"))
      const daemon = yield* serve((_, response) => response.end("daemon"))
      const script = `for (const url of ["http://localhost:${port}", "http://127.0.0.1:${daemon}"]) console.log(await (await fetch(url)).text())
        const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY, http_proxy, https_proxy, no_proxy } = process.env
        console.log(new Set([HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy]).size, NO_PROXY, no_proxy)`
      const program = programOf(folders, { run: client(script), hosts: [`localhost:${port}`], ports: [daemon] })
      const { err, text } = yield* run(program)
      assert.deepStrictEqual([text, err], ["reached\ndaemon\n1 127.0.0.1,localhost,::1 127.0.0.1,localhost,::1", ""])
    }))

  for (const listed of ["127.0.0.1", "localhost"]) {
    test(`a port of this machine that is listed by ${listed} leaves the program's own loopback as it is`, (folders) =>
      Effect.gen(function* () {
        const port = yield* serve((_, response) => response.end("model"))
        const daemon = yield* serve((_, response) => response.end("daemon"))
        // Its own server, as a bridge to tools has one, at a port that nobody listed.
        const script = `const own = http.createServer((_, response) => response.end("own")).listen(0, "127.0.0.1", async () => {
          for (const name of ["127.0.0.1", "localhost"])
            for (const port of [${port}, ${daemon}, own.address().port])
              console.log(await fetch("http://" + name + ":" + port).then((answer) => answer.text(), (error) => error.cause.code))
          console.log(...await plain("http://${listed}:${port}/"))
          process.exit()
        })`
        const program = programOf(folders, { run: client(script), hosts: [`${listed}:${port}`], ports: [daemon] })
        const { err, text } = yield* run(program)
        const each = ["model", "daemon", "own"]
        assert.deepStrictEqual([text.split("\n"), err], [[...each, ...each, "200 model"], ""])
      }))
  }

  test("the proxy gets out of the way of a port that is listed", (folders) =>
    Effect.gen(function* () {
      const script = `const taken = process.env.HTTPS_PROXY; console.log(taken, process.env.NO_PROXY)`
      const hosts = ["127.0.0.1:3128", "localhost:3129", "example.com"]
      const { err, text } = yield* run(programOf(folders, { run: client(script), hosts }))
      assert.deepStrictEqual([text, err], ["http://127.0.0.1:3130 127.0.0.1,localhost,::1", ""])
    }))

  test("a name of this machine goes through the proxy where its port cannot be offered", (folders) =>
    Effect.gen(function* () {
      const direct = Effect.fnUntraced(function* (...hosts: ReadonlyArray<string>) {
        const script = "console.log(process.env.NO_PROXY)"
        return (yield* run(programOf(folders, { run: client(script), hosts }))).text
      })
      assert.strictEqual(yield* direct("localhost:80", "127.0.0.1:8080"), "127.0.0.1,::1")
      assert.strictEqual(yield* direct("127.0.0.1:80"), "localhost,::1")
      assert.strictEqual(yield* direct("[::1]:8080"), "127.0.0.1,localhost")
      assert.strictEqual(yield* direct("localhost"), "127.0.0.1,::1")
    }))

  test("everything else is refused with the key to change, and the daemon's log says so", (folders) =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => void lines.push(message))
      const port = yield* serve((_, response) => response.end("reached"))
      const targets = [
        `localhost:${port}`,
        "other.example:443",
        "10.0.0.1:443",
        "example.com:8443",
        "a.example.com:443"
      ]
      const script = `for (const target of ${JSON.stringify(targets)}) {
          const { socket, status } = await tunnel(target)
          console.log(status, (await all(socket)).trim())
        }
        console.log(...await plain("http://localhost:${port}/"))`
      const { text } = yield* run(programOf(folders, { run: client(script), hosts: ["example.com"] })).pipe(
        Effect.provide(Logger.layer([logger]))
      )
      const refused = (target: string, key: string) =>
        `403 squadron: ${target} is not reachable from here. Add "${key}" to the role's \`hosts\`.`
      const expected = [
        refused(`localhost:${port}`, `localhost:${port}`),
        refused("other.example:443", "other.example"),
        refused("10.0.0.1:443", "10.0.0.1"),
        refused("example.com:8443", "example.com:8443"),
        refused("a.example.com:443", "a.example.com"),
        refused(`localhost:${port}`, `localhost:${port}`)
      ]
      assert.deepStrictEqual(text.split("\n"), expected)
      assert.deepStrictEqual(
        lines.flat(),
        [...new Set(expected)].map((line) => line.slice("403 ".length))
      )
    }))

  test("the program's own ports are reached through the proxy, too", (folders) =>
    Effect.gen(function* () {
      const port = yield* serve((_, response) => response.end("daemon"))
      const script = `console.log(...await plain("http://127.0.0.1:${port}/")); console.log((await tunnel("localhost:${port}")).status); process.exit()`
      const { text } = yield* run(programOf(folders, { run: client(script), hosts: ["example.com"], ports: [port] }))
      assert.strictEqual(text, "200 daemon\n200")
    }))

  test("a host that cannot be read is refused before anything starts", (folders) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      for (const host of ["https://example.com", "*", "a b", "example.com:0", ""]) {
        const error = yield* Effect.flip(sandbox.enclose(programOf(folders, { run: ["true"], hosts: [host] })))
        assert.include(error.message, `\`${host}\` is no host. Write \`hosts\` as name, name:port`)
      }
    }))
})
