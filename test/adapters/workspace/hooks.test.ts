import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as BwrapSandbox from "../../../src/adapters/sandbox/BwrapSandbox.ts"
import { detect } from "../../../src/adapters/sandbox/detect.ts"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { emptiedHere, isWithin } from "../../../src/adapters/sandbox/places.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { suite } from "../../contract/HooksContract.ts"
import { agent, commitAll, daemon, Place, request, type RigOptions, test, text, write } from "./Rig.ts"

const found = await Effect.runPromise(detect)
const skip = found.kind === "none"
const why = found.kind === "none" ? ` (skipped: ${found.reason})` : ""
const bubblewrap = (stateDir: string) => BwrapSandbox.layer({ stateDir })

/** npm, where a sandbox shows it. */
const npm = (process.env["PATH"] ?? "")
  .split(":")
  .map((folder) => join(folder, "npm"))
  .find((file) => existsSync(file) && !emptiedHere().some((folder) => isWithin(folder, realpathSync(file))))
const noNpm = npm === undefined ? " (skipped: a sandbox shows no npm here)" : ""

suite("not shut in", () => NoSandbox.layer)
suite(`shut in by bubblewrap${why}`, bubblewrap, { skip })

const visit = Effect.scoped(Workspaces.use((workspaces) => workspaces.open(request)))
const shutIn = (options: RigOptions) => Effect.provide(daemon({ sandbox: bubblewrap, ...options }))

/** A server at an address of this machine; gives its port, and what it was asked. */
const serve = (address: string, answer: RequestListener) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly asked: Array<string> }>((resume) => {
        const asked: Array<string> = []
        const server = createServer((request, response) => {
          asked.push(request.url ?? "")
          answer(request, response)
        })
        server.listen(0, address, () => resume(Effect.succeed({ server, asked })))
      }),
      ({ server }) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    ({ asked, server }) => ({ asked, port: (server.address() as AddressInfo).port })
  )

/** Processes whose command line has this word. */
const processesWith = (word: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word) ? [Number(pid)] : []
      } catch {
        // It has ended.
        return []
      }
    })

/** A package whose install script tries what a stranger might, and notes what came of it. */
const hostilePackage = (target: { readonly operator: string; readonly port: number; readonly word: string }) => ({
  "package.json": JSON.stringify({ name: "app", version: "1.0.0", scripts: { postinstall: "node evil.cjs" } }),
  "package-lock.json": JSON.stringify({
    name: "app",
    version: "1.0.0",
    lockfileVersion: 3,
    packages: { "": { name: "app", version: "1.0.0" } }
  }),
  "evil.cjs": `const { operator, port, word } = ${JSON.stringify(target)}
    const fs = require("fs")
    const attempt = (what) => { try { return what() } catch (error) { return error.code } }
    const write = attempt(() => fs.writeFileSync(operator + "/.profile", "evil") ?? "written")
    const read = attempt(() => fs.readFileSync(operator + "/.ssh/key", "utf8"))
    require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "--", word],
      { detached: true, stdio: "ignore", env: {} }).unref()
    const note = (connect) => { fs.writeFileSync("notes.json", JSON.stringify({ write, read, connect })); process.exit() }
    require("http").get({ host: "127.0.0.1", port, path: "/api/v1/agents" }, (answer) => note(answer.statusCode))
      .on("error", (error) => note(error.code))`
})

/** What the install script of a stranger's pull request gets done by the hook \`npm ci\`. */
const hostileInstall = Effect.fnUntraced(function* (options: RigOptions) {
  const { origin, stateDir } = yield* Place
  const operator = join(dirname(stateDir), "operator")
  write(operator, { ".ssh/key": "secret" })
  const { asked, port } = yield* serve("127.0.0.1", (_, response) => response.end("{}"))
  const word = `hostile-${createHash("sha256").update(stateDir).digest("hex")}`
  write(origin, hostilePackage({ operator, port, word }))
  commitAll(origin, "hostile")
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const pid of processesWith(word)) process.kill(pid, "SIGKILL")
    })
  )
  const hooks = { afterCreate: ["npm", "ci", "--foreground-scripts"] as const }
  const { path } = yield* visit.pipe(Effect.provide(daemon({ hooks, ...options })))
  return {
    notes: JSON.parse(text(path, "notes.json")) as unknown,
    asked,
    planted: existsSync(join(operator, ".profile")),
    running: processesWith(word).length
  }
}, Effect.scoped)

/** A package as a registry gives it. */
const tarball = (files: Readonly<Record<string, string>>): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), "squadron-package-"))
  try {
    write(join(folder, "package"), files)
    return execFileSync("tar", ["czf", "-", "-C", folder, "package"])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe.skipIf(skip || npm === undefined)(`npm ci as a hook${why}${noNpm}`, () => {
  test(
    "of a stranger's pull request does nothing to the operator",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* hostileInstall({ sandbox: bubblewrap }), {
        notes: { write: "ENOENT", read: "ENOENT", connect: "ECONNREFUSED" },
        asked: [],
        planted: false,
        running: 0
      })
    })
  )

  test(
    "of the same pull request does it all where nothing shuts it in",
    Effect.gen(function* () {
      const { running: _, ...rest } = yield* hostileInstall({})
      assert.deepStrictEqual(rest, {
        notes: { write: "written", read: "secret", connect: 200 },
        asked: ["/api/v1/agents"],
        planted: true
      })
    })
  )

  for (const [way, address] of [
    // An address that no list of exceptions names.
    ["through the proxy", "127.0.0.2"],
    ["at a port of this machine", "127.0.0.1"]
  ] as const) {
    test(
      `installs from a registry that is listed, ${way}, and runs the install scripts of what it got`,
      Effect.gen(function* () {
        const { origin } = yield* Place
        const archive = tarball({
          "package.json": JSON.stringify({
            name: "dependency",
            version: "1.0.0",
            scripts: { install: "node -p \"'installed in ' + process.env.HOME\" > ran" }
          })
        })
        const { asked, port } = yield* serve(address, (_, response) => response.end(archive))
        const registry = `http://${address}:${port}/`
        const path = "dependency/-/dependency-1.0.0.tgz"
        const root = { name: "app", version: "1.0.0", dependencies: { dependency: "1.0.0" } }
        const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`
        const locked = { version: "1.0.0", resolved: `${registry}${path}`, integrity, hasInstallScript: true }
        write(origin, {
          "package.json": JSON.stringify(root),
          "package-lock.json": JSON.stringify({
            name: "app",
            version: "1.0.0",
            lockfileVersion: 3,
            packages: { "": root, "node_modules/dependency": locked }
          })
        })
        commitAll(origin, "dependency")
        const npmCi = [
          "npm",
          "ci",
          "--no-audit",
          "--no-fund",
          "--no-update-notifier",
          "--fetch-retries=0",
          `--registry=${registry}`
        ] as const
        const hooks = { afterCreate: npmCi }
        const without = yield* Effect.flip(visit).pipe(shutIn({ hooks }))
        assert.match(without.message, /^hook afterCreate: it ended with 1: .*ECONNREFUSED/s)
        assert.deepStrictEqual(asked, [])
        const workspace = yield* visit.pipe(shutIn({ hooks, hookHosts: [`${address}:${port}`] }))
        assert.deepStrictEqual(asked, [`/${path}`])
        const ran = text(workspace.path, "node_modules/dependency/ran")
        assert.strictEqual(ran, `installed in ${workspace.home}\n`)
      })
    )
  }
})

describe.skipIf(skip)(`a hook that is shut in${why}`, () => {
  test(
    "sees the program that is given by its path, and nothing beside it",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const tools = join(dirname(stateDir), "tools")
      write(tools, { "prepare.sh": `#!/bin/sh\nls -A ${tools} > seen\n`, secret: "secret" })
      execFileSync("chmod", ["+x", join(tools, "prepare.sh")])
      const { path } = yield* visit.pipe(shutIn({ hooks: { beforeRun: [join(tools, "prepare.sh")] } }))
      assert.strictEqual(text(path, "seen"), "prepare.sh\n")
    })
  )

  test(
    "cannot write to the mirror, nor see another agent's workspace or what the daemon keeps",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      yield* Effect.scoped(
        Workspaces.use((workspaces) =>
          workspaces.open({ ...request, agent: "other-1-e1", branch: "squadron/other-1-e1" })
        )
      )
      const script = `touch ${stateDir}/mirrors/acme/shop.git/planted; ls -A ${stateDir} ${stateDir}/workspaces > seen; true`
      const { path } = yield* visit.pipe(shutIn({ hooks: { beforeRun: ["sh", "-c", script] } }))
      assert.isFalse(existsSync(`${stateDir}/mirrors/acme/shop.git/planted`))
      assert.strictEqual(text(path, "seen"), `${stateDir}:\nmirrors\nworkspaces\n\n${stateDir}/workspaces:\n${agent}\n`)
    })
  )

  test(
    "is told which key lists the host that it was refused",
    Effect.gen(function* () {
      const script = `const [host, port] = [process.env.HTTPS_PROXY].map((url) => new URL(url)).flatMap((url) => [url.hostname, url.port])
        require("http").request({ host, port, method: "CONNECT", path: "other.example:443" })
          .on("connect", (answer, socket, head) => { socket.unshift(head); socket.pipe(process.stdout); socket.on("end", () => process.exit(answer.statusCode === 403 ? 9 : 0)) }).end()`
      const options = { hooks: { beforeRun: [process.execPath, "-e", script] as const }, hookHosts: ["example.com"] }
      const failure = yield* Effect.flip(visit).pipe(shutIn(options))
      assert.include(failure.message, "it ended with 9")
      assert.include(
        failure.message,
        'other.example:443 is not reachable from here. Add "other.example" to `workspaces.hookHosts`.'
      )
    })
  )
})

describe("a hook that cannot be shut in", () => {
  test(
    "is not run, and what to do is told",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const sandbox = () => BwrapSandbox.layer({ stateDir, bwrap: "no-such-bwrap" })
      const hooks = { afterCreate: ["sh", "-c", `touch ${stateDir}/ran`] as const }
      const failure = yield* Effect.flip(visit).pipe(Effect.provide(daemon({ hooks, sandbox })))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", step: "hook afterCreate", retryable: false })
      assert.match(
        failure.message,
        /^hook afterCreate: it cannot be shut in: bubblewrap \(no-such-bwrap\) is not installed\. Install it: `apt-get/
      )
      assert.isFalse(existsSync(`${stateDir}/ran`))
      assert.isFalse(existsSync(`${stateDir}/workspaces/${agent}`))
    })
  )
})
