import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname, join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Runtime, type Scope } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { detect } from "../../src/adapters/sandbox/detect.ts"
import type { Check } from "../../src/app/doctor/Check.ts"
import * as DaemonFile from "../../src/app/DaemonFile.ts"
import { doctor } from "../../src/cli/commands/doctor.ts"
import * as Output from "../../src/cli/output.ts"
import { root } from "../../src/cli/root.ts"

const run = Command.runWith(root.pipe(Command.withSubcommands([doctor])), { version: "1.2.3" })

type Files = Readonly<Record<string, string>>

/** A project with these files in a folder of its own; `#!` makes a program. */
const project = Effect.fnUntraced(function* (files: Files) {
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    if (text.startsWith("#!")) chmodSync(file, 0o755)
  }
  return folder
})

const systemPath = process.env["PATH"] ?? ""

/** What the command prints of a folder, and the exit code that it ends with. */
const examined = Effect.fnUntraced(function* (folder: string, environment: Files = {}, json = true) {
  const services = Layer.mergeAll(
    NodeServices.layer,
    Output.layer,
    ConfigProvider.layer(ConfigProvider.fromUnknown({ PATH: systemPath, ...environment }))
  )
  return yield* Effect.gen(function* () {
    const exit = yield* Effect.exit(run(["doctor", folder, ...(json ? ["--json"] : [])]))
    let code = -1
    Runtime.defaultTeardown(exit, (given) => {
      code = given
    })
    const out = (yield* TestConsole.logLines).join("\n")
    const err = (yield* TestConsole.errorLines).join("\n")
    const report = json
      ? (JSON.parse(out) as { readonly healthy: boolean; readonly checks: ReadonlyArray<Check> })
      : null
    const named = (name: string) => report?.checks.filter((check) => check.name === name) ?? []
    return { out, err, code, report, named }
  }).pipe(Effect.provide([services, TestConsole.layer], { local: true }))
})

const config = ".squadron/config.yaml"
const role = (text: string) => `---\n${text}\n---\nDo it.\n`
const calm = { [config]: "server: { port: 0 }\nworkspaces: { minFree: 1B }\n" }
const tool = { "tool.sh": "#!/bin/sh\n", ".squadron/agents/a.md": role("run: ./tool.sh") }

const test = (name: string, body: Effect.Effect<unknown, unknown, NodeServices.NodeServices | Scope.Scope>) =>
  it.live(name, () => Effect.provide(body, NodeServices.layer), 60_000)

const listening = (listener: RequestListener) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer(listener)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    (server) => (server.address() as AddressInfo).port
  )

/** With another PATH for what looks at this process's own. */
const withPath = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process.env["PATH"] = path
    }),
    () =>
      Effect.sync(() => {
        process.env["PATH"] = systemPath
      })
  )

const statuses = (checks: ReadonlyArray<Check>) => checks.map(({ status }) => status)

describe("squadron doctor", () => {
  test(
    "finds nothing missing where all is there, and says where it is",
    Effect.gen(function* () {
      const folder = yield* project({ ...calm, ...tool })
      const { code, err, named, report } = yield* examined(folder)
      assert.deepStrictEqual([code, err, report?.healthy], [0, "", true])
      assert.strictEqual(named("node")[0]?.text, process.versions.node)
      assert.match(named("git")[0]?.text ?? "", /^2\.\d+/)
      assert.match(named("disk")[0]?.text ?? "", new RegExp(`^[\\d,]+ MiB free at ${folder}$`))
      assert.strictEqual(named("config")[0]?.text, "roles: a")
      assert.strictEqual(named("role a")[0]?.text, `${folder}/tool.sh`)
      assert.include(named("daemon")[0]?.text, "none runs here")
      assert.strictEqual(named("port")[0]?.text, "any free one")
      const found = yield* detect
      assert.deepStrictEqual(statuses(named("sandbox")), [found.kind === "bwrap" ? "ok" : "warning"])
      if (found.kind === "bwrap") assert.strictEqual(named("sandbox")[0]?.text, `bubblewrap ${found.version}`)
    })
  )

  test(
    "prints a line for each check with a mark, and below it what to do",
    Effect.gen(function* () {
      const folder = yield* project({ [config]: "server: { port: 0 }\nsandbox: off\n", ...tool, b: "" })
      const healthy = yield* examined(folder, {}, false)
      assert.match(healthy.out, /^✓ node {5}\d/m)
      assert.match(
        healthy.out,
        /^! sandbox {2}off: agents and hooks may do all that this user may\n {11}→ Remove `sandbox: off` from config\.yaml\.$/m
      )
      assert.deepStrictEqual([healthy.code, healthy.err], [0, ""])
      const ill = yield* examined(folder, { PATH: "/nowhere" }, false)
      assert.match(ill.out, /^✗ git {6}it is not on PATH\n {11}→ Install git 2\.38 or newer/m)
      assert.deepStrictEqual([ill.code, ill.err], [1, "One thing is missing."])
    })
  )

  test(
    "reports every problem of the configuration with its place and its remedy",
    Effect.gen(function* () {
      const folder = yield* project({
        [config]: "server: { prot: 1 }\nconcurrency: none\n",
        ".squadron/agents/a.md": role("run: ./nowhere.sh")
      })
      const { code, err, named, report } = yield* examined(folder)
      assert.deepStrictEqual([code, err], [1, "3 things are missing."])
      assert.deepStrictEqual(
        named("config").map(({ text }) => text.replace(`${folder}/.squadron/`, "").split(":").slice(0, 3).join(":")),
        ["config.yaml:1: `server.prot`", "config.yaml:2: `concurrency`", "agents/a.md:2: `run`"]
      )
      for (const { remedy, status } of named("config"))
        assert.deepStrictEqual([status, remedy === ""], ["missing", false])
      assert.deepStrictEqual(report?.checks.map(({ name }) => name).slice(0, 4), ["node", "git", "sandbox", "disk"])
      const { named: none } = yield* examined(yield* project({}))
      assert.deepStrictEqual(none("config")[0]?.remedy, "Run `squadron init` to make it.")
    })
  )

  test(
    "needs a git that can merge without a checkout",
    Effect.gen(function* () {
      const folder = yield* project({ ...calm, ...tool })
      const version = Effect.fnUntraced(function* (script: string) {
        const { code, named } = yield* examined(folder, { PATH: yield* project({ git: `#!/bin/sh\n${script}\n` }) })
        return [code, named("git")[0]?.status, named("git")[0]?.text]
      })
      assert.deepStrictEqual(yield* version("echo git version 2.37.9"), [1, "missing", "2.37.9 is too old"])
      assert.deepStrictEqual(yield* version("echo git version 2.38.0"), [0, "ok", "2.38.0"])
      assert.deepStrictEqual(yield* version("echo 'git version 3.1.0 (Apple Git-1)'"), [0, "ok", "3.1.0 (Apple Git-1)"])
      const [code, status, text] = yield* version("exit 1")
      assert.deepStrictEqual([code, status], [1, "missing"])
      assert.include(text, "does not tell its version")
    })
  )

  test(
    "looks for each role's program, and knows how a coding agent is installed",
    Effect.gen(function* () {
      const folder = yield* project({
        [config]: "server: { port: 0 }\nsandbox: off\nworkspaces: { minFree: 1B }\n",
        "plain.txt": "no program",
        ".squadron/agents/absent.md": role("run: no-such-tool"),
        ".squadron/agents/claude.md": role("agent: claude"),
        ".squadron/agents/function.md": role("function: f"),
        ".squadron/agents/path.md": role("run: /nowhere/tool"),
        ".squadron/agents/gated.md": role("run: sh -c true\nworkspace: true\ngate: no-such-gate")
      })
      const path = yield* project({ "claude-agent-acp": "#!/bin/sh\n" })
      const unusable = yield* project({ "no-such-tool": "not executable" })
      const { code, err, named } = yield* examined(folder, { PATH: `${unusable}:${systemPath}` })
      assert.deepStrictEqual([code, err], [1, "4 things are missing."])
      assert.strictEqual(named("role absent")[0]?.text, "`no-such-tool` is not on PATH")
      assert.include(named("role path")[0]?.text, "`/nowhere/tool` is not there")
      assert.match(named("role claude")[0]?.remedy ?? "", /^Install Claude Code: npm install/)
      assert.deepStrictEqual(statuses([...named("role function"), ...named("role gated")]), ["warning", "ok"])
      assert.strictEqual(named("gate gated")[0]?.text, "`no-such-gate` is not on PATH")
      const there = yield* examined(folder, { PATH: `${path}:${systemPath}` })
      assert.strictEqual(there.named("role claude")[0]?.text, `${path}/claude-agent-acp`)
    })
  )

  test(
    "tells of a coding agent that its sandbox would hide",
    Effect.gen(function* () {
      if ((yield* detect).kind === "none") return
      const folder = yield* project({
        ...calm,
        "bin/agent": "#!/bin/sh\n",
        ".squadron/agents/with.md": role("agent: hidden-agent\nworkspace: true\ngate: hidden-agent"),
        ".squadron/agents/without.md": role("agent: ./bin/agent"),
        ".squadron/agents/plain.md": role("run: hidden-agent"),
        ".squadron/agents/system.md": role("agent: sh\nworkspace: true")
      })
      const path = yield* project({ "hidden-agent": "#!/bin/sh\n" })
      const { code, named } = yield* examined(folder, { PATH: `${path}:${systemPath}` })
      const text = `${path}/hidden-agent cannot be seen from the sandbox`
      assert.deepStrictEqual([named("role with")[0]?.text, named("gate with")[0]?.text], [text, text])
      const fine = [named("role without"), named("role plain"), named("role system")].flat()
      assert.deepStrictEqual([code, ...statuses(fine)], [1, "ok", "ok", "ok"])
    })
  )

  test(
    "takes what the sandbox shows into account, and says what to list of a tool that it hides",
    Effect.gen(function* () {
      if ((yield* detect).kind === "none") return
      const tools = yield* project({
        "nvm/versions/v1/lib/agent.js": "#!/bin/sh\n",
        "bin/single": "#!/bin/sh\n",
        "share/lib/linked": "#!/bin/sh\n"
      })
      mkdirSync(join(tools, "nvm/versions/v1/bin"))
      symlinkSync("../lib/agent.js", join(tools, "nvm/versions/v1/bin/agent"))
      symlinkSync("../share/lib/linked", join(tools, "bin/linked"))
      const roles = {
        ".squadron/agents/deep.md": role("agent: agent\nworkspace: true\ngate: single"),
        ".squadron/agents/linked.md": role("agent: linked\nworkspace: true\ngate: ./check.sh"),
        "check.sh": "#!/bin/sh\n"
      }
      const environment = { PATH: `${tools}/nvm/versions/v1/bin:${tools}/bin:${systemPath}` }
      const hooks = `hooks: { afterCreate: single, beforeRun: ${tools}/bin/single, afterRun: ./check.sh, beforeRemove: no-such }`
      const written = (readable: ReadonlyArray<string>) => ({
        [config]: `server: { port: 0 }\nsandboxReadable: [${readable.join(", ")}]\nworkspaces: { minFree: 1B, ${hooks} }\n`
      })
      const hidden = yield* examined(yield* project({ ...roles, ...written([]) }), environment)
      const advice = (name: string) => hidden.named(name).map(({ remedy }) => remedy)
      const add = (what: string) => [
        `Add ${what} to \`sandboxReadable\` in config.yaml, or install it in a system folder such as /usr/local.`
      ]
      assert.deepStrictEqual(advice("role deep"), add(`\`${tools}/nvm/versions/v1\``))
      assert.deepStrictEqual(advice("gate deep"), add(`\`${tools}/bin\``))
      assert.deepStrictEqual(advice("role linked"), add(`\`${tools}/bin\` and \`${tools}/share/lib\``))
      assert.deepStrictEqual(statuses(hidden.named("gate linked")), ["ok"], "it is in the clone")
      assert.deepStrictEqual(advice("hook afterCreate"), add(`\`${tools}/bin\``))
      assert.deepStrictEqual(statuses(hidden.named("hook beforeRun")), ["ok"], "it is given by its path")
      assert.deepStrictEqual(hidden.named("hook afterRun"), [], "it is in the clone")
      assert.deepStrictEqual(advice("hook beforeRemove"), [
        "Install it, or name another program in `workspaces.hooks`."
      ])
      const listed = [`${tools}/nvm/versions/v1`, `${tools}/bin`, `${tools}/share/lib`]
      const { named } = yield* examined(yield* project({ ...roles, ...written(listed) }), environment)
      const seen = ["role deep", "gate deep", "role linked", "hook afterCreate"].flatMap(named)
      assert.deepStrictEqual(statuses(seen), ["ok", "ok", "ok", "ok"])
      assert.deepStrictEqual(
        named("readable").map(({ status, text }) => [status, text]),
        listed.map((folder) => ["ok", folder])
      )
      const half = yield* examined(yield* project({ ...roles, ...written([`${tools}/bin`]) }), environment)
      assert.deepStrictEqual(half.named("role linked")[0]?.remedy, add(`\`${tools}/share/lib\``)[0])
    })
  )

  test(
    "says of each folder that the sandbox shall show whether it is there and readable",
    Effect.gen(function* () {
      const tools = yield* project({ "open/tool": "", "closed/tool": "" })
      const closed = join(tools, "closed")
      chmodSync(closed, 0)
      yield* Effect.addFinalizer(() => Effect.sync(() => chmodSync(closed, 0o700)))
      const listed = ["tools", `${tools}/open`, closed]
      const settings = (sandbox: string) => ({
        [config]: `server: { port: 0 }\nworkspaces: { minFree: 1B }\nsandbox: ${sandbox}\nsandboxReadable: [${listed.join(", ")}]\n`
      })
      const folder = yield* project({ ...tool, ...settings("auto") })
      const { code, named } = yield* examined(folder)
      const [relative, open, shut] = named("readable")
      assert.deepStrictEqual(
        [code, relative?.status, relative?.text],
        [0, "warning", `${folder}/tools is not there, and programs go without it`]
      )
      assert.strictEqual(relative?.remedy, "Create it, or take it out of `sandboxReadable` in config.yaml.")
      assert.deepStrictEqual([open?.status, open?.text], ["ok", `${tools}/open`])
      // To root everything is readable.
      const text = process.getuid?.() === 0 ? closed : `${closed} may not be read by this user`
      assert.strictEqual(shut?.text, text)
      const without = yield* examined(yield* project({ ...tool, ...settings("off") }))
      assert.deepStrictEqual(without.named("readable"), [], "nothing is hidden there")
    })
  )

  test(
    "names the secrets that are set and that are not, and shows none",
    Effect.gen(function* () {
      const folder = yield* project({
        ...calm,
        ".squadron/agents/strict.md": role("run: sh\nenv: [A_KEY, B_KEY, C_KEY]"),
        ".squadron/agents/set.md": role("run: sh\nenv: [A_KEY]"),
        ".squadron/agents/claude.md": role("agent: claude")
      })
      const { code, named, out } = yield* examined(folder, { A_KEY: "hush-1", C_KEY: "" })
      assert.deepStrictEqual([code, named("secrets strict")[0]?.text], [1, "not set: B_KEY, C_KEY"])
      assert.deepStrictEqual([named("secrets set")[0]?.status, named("secrets set")[0]?.text], ["ok", "set: A_KEY"])
      assert.match(named("secrets claude")[0]?.text ?? "", /^none is set of ANTHROPIC_API_KEY, /)
      assert.strictEqual(named("secrets claude")[0]?.status, "warning")
      assert.notInclude(out, "hush")
      const signedIn = yield* examined(folder, { ANTHROPIC_API_KEY: "hush-2" })
      assert.strictEqual(signedIn.named("secrets claude")[0]?.text, "set: ANTHROPIC_API_KEY")
      assert.notInclude(signedIn.out, "hush")
    })
  )

  test(
    "wants room for workspaces where a role has one",
    Effect.gen(function* () {
      const full = { [config]: "server: { port: 0 }\nstateDir: far/off\nworkspaces: { minFree: 999999999GiB }\n" }
      const without = yield* examined(yield* project({ ...full, ...tool }))
      assert.deepStrictEqual([without.code, ...statuses(without.named("disk"))], [0, "warning"])
      const role = { ".squadron/agents/a.md": "---\nrun: sh\nworkspace: true\n---\n" }
      const { code, named } = yield* examined(yield* project({ ...full, ...role }))
      assert.deepStrictEqual([code, ...statuses(named("disk"))], [1, "missing"])
      assert.match(named("disk")[0]?.text ?? "", /^only [\d,]+ MiB free at .*, and a new workspace needs [\d,]+ MiB$/)
    })
  )

  test(
    "tells the daemon that runs from one that does not answer",
    Effect.gen(function* () {
      const folder = yield* project({ ...calm, ...tool })
      const port = yield* listening((_, response) => response.end('{"alive":true}'))
      const url = `http://127.0.0.1:${port}`
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* DaemonFile.announce(folder, { url, pid: 4711, tokenFile: null })
          const { code, named } = yield* examined(folder)
          assert.strictEqual(named("daemon")[0]?.text, `process 4711 at ${url}`)
          assert.deepStrictEqual([code, named("port")[0]?.text], [0, `the daemon has it: 127.0.0.1:${port}`])
        })
      )
      const other = yield* listening((_, response) => response.end("{}"))
      const closed = yield* Effect.scoped(listening(() => {}))
      for (const silent of [other, closed]) {
        yield* DaemonFile.announce(folder, { url: `http://127.0.0.1:${silent}`, pid: 4711, tokenFile: null })
        const { code, named } = yield* examined(folder)
        assert.deepStrictEqual([code, ...statuses(named("daemon"))], [0, "warning"])
        assert.strictEqual(named("daemon")[0]?.text, `process 4711 at http://127.0.0.1:${silent} does not answer`)
      }
    })
  )

  test(
    "tells whether the journal of a running daemon is whole, where that is soon known",
    Effect.gen(function* () {
      const folder = yield* project({ ...calm, ...tool })
      const told = { newest: 9, asked: 0, broken: null as object | null }
      const port = yield* listening((request, response) => {
        response.setHeader("content-type", "application/json")
        if (request.url === "/healthz") return response.end('{"alive":true}')
        if (request.headers.authorization !== "Bearer open sesame") return response.writeHead(401).end("{}")
        if (request.url?.startsWith("/api/v1/journal?") === true) {
          const line = { kind: "run.ended", at: 0, event: null, agent: null, text: "", verdicts: [] }
          return response.end(JSON.stringify([{ id: told.newest, ...line }]))
        }
        told.asked++
        return response.end(JSON.stringify({ lines: 9, head: "a", broken: told.broken, noted: null }))
      })
      yield* DaemonFile.announce(folder, { url: `http://127.0.0.1:${port}`, pid: 4711, tokenFile: null })
      const journal = Effect.map(examined(folder, { SQUADRON_TOKEN: "open sesame" }), ({ code, named }) => {
        const [check] = named("journal")
        return [code, check?.status, check?.text]
      })
      assert.deepStrictEqual(yield* journal, [0, "ok", "whole: 9 lines"])
      told.broken = { from: 4, to: 6, since: null, until: null, problem: "differs" }
      const text = "broken: something between lines 4 and 6 is not what was written"
      assert.deepStrictEqual(yield* journal, [0, "warning", text])
      told.newest = 100_001
      assert.deepStrictEqual(yield* journal, [0, "ok", "too long for a glance; `squadron journal verify` reads it"])
      assert.strictEqual(told.asked, 2)
      const { named } = yield* examined(folder)
      assert.deepStrictEqual(named("journal"), [])
    })
  )

  test(
    "tells a port that is free from one that another program has, and an address that is open to others",
    Effect.gen(function* () {
      const held = yield* listening((_, response) => response.end())
      const free = yield* Effect.scoped(listening(() => {}))
      const at = Effect.fnUntraced(function* (server: string) {
        return yield* examined(
          yield* project({ [config]: `server: ${server}\nworkspaces: { minFree: 1B }\n`, ...tool })
        )
      })
      const busy = yield* at(`{ port: ${held} }`)
      assert.deepStrictEqual(
        [busy.code, busy.named("port")[0]?.text],
        [1, `another program listens on 127.0.0.1:${held}`]
      )
      const open = yield* at(`{ port: ${free} }`)
      assert.deepStrictEqual([open.code, open.named("port")[0]?.text], [0, `127.0.0.1:${free} is free`])
      const everywhere = yield* at(`{ host: 0.0.0.0, port: 0 }`)
      assert.deepStrictEqual([everywhere.code, ...statuses(everywhere.named("address"))], [1, "missing"])
      const nowhere = yield* at(`{ host: 192.0.2.1, port: ${free} }`)
      assert.include(nowhere.named("port")[0]?.text, `192.0.2.1:${free} cannot be had`)
    })
  )

  test(
    "misses a sandbox only where one is required",
    Effect.gen(function* () {
      const optional = yield* project({ ...calm, ...tool })
      const required = yield* project({ [config]: `${calm[config]}sandbox: required\n`, ...tool })
      yield* withPath("/nowhere")
      const without = yield* examined(optional)
      assert.deepStrictEqual([without.code, ...statuses(without.named("sandbox"))], [0, "warning"])
      const { code, named } = yield* examined(required)
      assert.deepStrictEqual([code, ...statuses(named("sandbox"))], [1, "missing"])
      assert.include(named("sandbox")[0]?.remedy, "apt-get install bubblewrap")
    })
  )
})
