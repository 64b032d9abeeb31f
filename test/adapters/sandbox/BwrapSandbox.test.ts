import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, FileSystem, type Path, Scope } from "effect"
import * as BwrapSandbox from "../../../src/adapters/sandbox/BwrapSandbox.ts"
import { detect } from "../../../src/adapters/sandbox/detect.ts"
import { emptiedHere, isWithin } from "../../../src/adapters/sandbox/places.ts"
import { Sandbox } from "../../../src/services/Sandbox.ts"
import { suite } from "../../contract/SandboxContract.ts"
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
  survivors
} from "./Enclosures.ts"

const found = await Effect.runPromise(detect)
const skip = found.kind === "none"
const name = found.kind === "none" ? `bubblewrap (skipped: ${found.reason})` : "bubblewrap"

const layer = ({ project, stateDir }: Folders) => BwrapSandbox.layer({ stateDir, hidden: [project] })

/** Whether it is below a folder that belongs to everybody, as a clone in /tmp is. */
const isGone = (path: string): boolean => emptiedHere().some((folder) => isWithin(folder, path))

suite(name, layer, { skip })

const test = (
  title: string,
  body: (folders: Folders) => Effect.Effect<unknown, unknown, Sandbox | FileSystem.FileSystem | Path.Path | Scope.Scope>
) =>
  live(title, () =>
    Effect.gen(function* () {
      const folders = yield* makeFolders
      yield* Effect.scoped(Effect.provide(body(folders), layer(folders)))
      yield* allDead(folders)
    })
  )

/** A server that has no file; those that share a network with it reach it. */
const abstractSocket = (name: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer((connection) => connection.end())
        server.listen(`\0${name}`, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
    ),
    () => `\0${name}`
  )

const shell = (script: string): readonly [string, ...Array<string>] => ["sh", "-c", script]

/** What becomes of writing to each of these files. */
const writes = (files: ReadonlyArray<string>) =>
  node(`for (const file of ${JSON.stringify(files)}) {
    try { require("fs").writeFileSync(file, "x"); console.log("written") } catch (error) { console.log(error.code) }
  }`)

describe.skipIf(skip)(`${name}: sessions`, () => {
  test("a program stays in the session that it was started in, which gives way to the daemon", (folders) =>
    Effect.gen(function* () {
      // after its name, in parentheses: state, parent, group, session; 0 is one that began outside
      const script = `console.log(require("fs").readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ")[3])`
      assert.strictEqual((yield* run(programOf(folders, { run: node(script) }))).text, "0")
    }))
})

describe.skipIf(skip)(`${name}: files`, () => {
  test("nothing can be written but in the workspace, HOME and scratch folders", (folders) =>
    Effect.gen(function* () {
      const refused = [
        "/etc/squadron-test",
        "/usr/squadron-test",
        ...["/root", "/home", "/run"].map((folder) => `${folder}/squadron-test`),
        "/run/squadron/bridge.mts",
        // below a folder of everybody it is gone as a whole, and what is written there stays inside
        ...(isGone(folders.base) ? [] : [`${folders.base}/file`]),
        `${folders.project}/file`,
        `${folders.stateDir}/file`,
        `${folders.stateDir}/workspaces/a/file`,
        process.execPath
      ]
      const allowed = [
        `${folders.workspace}/file`,
        `${folders.home}/file`,
        "/tmp/file",
        "/var/tmp/file",
        "/dev/shm/file"
      ]
      const { text } = yield* run(programOf(folders, { run: writes([...refused, ...allowed]) }))
      const lines = text.split("\n")
      assert.deepStrictEqual(new Set(lines.slice(refused.length)), new Set(["written"]))
      for (const [index, code] of lines.slice(0, refused.length).entries())
        assert.strictEqual(code, "EROFS", refused[index])
    }))

  test("folders of everybody are empty", (folders) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const planted = yield* fs.makeTempFileScoped({ directory: tmpdir(), prefix: "sandbox-test-" })
      const script = `ls -A /tmp /var/tmp; ls ${planted}; ls -A /run/squadron`
      const { text } = yield* run(programOf(folders, { run: shell(script) }))
      const inTemp = folders.base.startsWith("/tmp/") || process.execPath.startsWith("/tmp/")
      if (!inTemp) assert.match(text, /^\/tmp:\n\n\/var\/tmp:\nbridge\.m[tj]s$/)
      assert.notInclude(text, "sandbox-test-")
    }))

  test("the state folder, other workspaces and the project cannot be seen", (folders) =>
    Effect.gen(function* () {
      const { base, other, project, stateDir } = folders
      const script = `cat ${stateDir}/secret ${other}/secret ${project}/secret; ls -A ${project} ${stateDir}/workspaces; ls -A ${base}`
      const { text } = yield* run(programOf(folders, { run: shell(script) }))
      const listing = isGone(base)
        ? `${stateDir}/workspaces:\na\nstate`
        : `${project}:\n\n${stateDir}/workspaces:\na\nproject\nstate`
      assert.strictEqual(text, listing)
    }))

  test("a listed folder shows what is in it, but for the state folder", (folders) =>
    Effect.gen(function* () {
      const { base, home, other, project, stateDir } = folders
      const script = `cat ${project}/secret ${stateDir}/secret ${other}/secret; echo x > ${home}/x && echo home; echo x > ${base}/x || echo refused`
      const { text } = yield* run(programOf(folders, { run: shell(script), readable: [base, project] }))
      assert.strictEqual(text, "secrethome\nrefused")
    }))

  test("a folder that is listed as readable and as writable can only be read", (folders) =>
    Effect.gen(function* () {
      const files = [`${folders.project}/file`, `${folders.workspace}/hooks/file`, `${folders.workspace}/file`]
      const hooks = `${folders.workspace}/hooks`
      yield* (yield* FileSystem.FileSystem).makeDirectory(hooks)
      const { workspace, project } = folders
      const { text } = yield* run(
        programOf(folders, { run: writes(files), writable: [workspace, project], readable: [hooks, project] })
      )
      assert.strictEqual(text, "EROFS\nEROFS\nwritten")
    }))

  test("a clone commits while the repository that it borrows from cannot be changed", (folders) =>
    Effect.gen(function* () {
      const { base, stateDir, workspace } = folders
      const mirror = `${stateDir}/mirrors/shop.git`
      const identity = "-c user.name=t -c user.email=t@localhost -c commit.gpgsign=false"
      const prepare = `set -e; export HOME=${base} GIT_CONFIG_NOSYSTEM=1
        git init -q -b main ${base}/origin; cd ${base}/origin; echo a > a; git add a; git ${identity} commit -qm one
        echo b > a; git ${identity} commit -qam two; git clone -q --bare . ${mirror}; git clone -q --shared ${mirror} ${workspace}`
      const prepared = yield* launch({ run: shell(prepare), cwd: base, env: { PATH: process.env["PATH"] ?? "" } })
      assert.deepStrictEqual([(yield* prepared.ended).code, prepared.err()], [0, ""])
      const work = `git -C ${mirror} update-ref refs/heads/main HEAD~1 && echo moved
        echo c > a && git ${identity} commit -qam three && git log --format=%s && git -C ${mirror} log --format=%s main`
      const { code, err, text } = yield* run(programOf(folders, { run: shell(work), readable: [mirror] }))
      assert.deepStrictEqual([code, text], [0, "three\ntwo\none\ntwo\none"])
      assert.include(err, "Read-only file system")
    }))

  test("what is mounted cannot be changed, nor a setting of the kernel", (folders) =>
    Effect.gen(function* () {
      const setting = "/proc/sys/kernel/printk_ratelimit"
      const script = `mount -o remount,rw,bind / && echo remounted; umount ${folders.stateDir} && echo unmounted
        unshare -Urm sh -c 'umount ${folders.stateDir} || mount -o remount,rw,bind /' && echo escaped
        value=$(cat ${setting}); echo "$value" > ${setting} && echo set; grep ^CapEff /proc/self/status`
      const { text } = yield* run(programOf(folders, { run: shell(script) }))
      assert.strictEqual(text, "CapEff:\t0000000000000000")
    }))

  test("no link leads out of a folder that an earlier run could write to", (folders) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const sandbox = yield* Sandbox
      const link = `${folders.workspace}/link`
      yield* fs.symlink(folders.other, link)
      const writable = [folders.workspace, link]
      const error = yield* Effect.flip(sandbox.enclose(programOf(folders, { run: ["true"], writable })))
      assert.include(error.message, `${link} leads through a link out of ${folders.workspace}`)
      const within = { run: shell("true"), cwd: link }
      assert.include((yield* Effect.flip(sandbox.enclose(programOf(folders, within)))).message, "through a link")
    }))

  test("a folder that is not there, not absolute or not visible is named", (folders) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const refusal = (given: Partial<Parameters<typeof programOf>[1]>) =>
        Effect.map(
          Effect.flip(sandbox.enclose(programOf(folders, { run: ["true"], ...given }))),
          ({ message }) => message
        )
      assert.include(yield* refusal({ readable: ["/nowhere"] }), "there is no folder /nowhere")
      assert.include(yield* refusal({ readable: ["here"] }), "the folder here is not absolute")
      assert.include(
        yield* refusal({ cwd: folders.project }),
        `the working directory ${folders.project} is not visible`
      )
    }))

  test("folders for everybody are visible, where they are there", (folders) =>
    Effect.gen(function* () {
      const readable = [folders.other, "/nowhere"]
      const { text } = yield* run(programOf(folders, { run: shell(`cat ${folders.other}/secret`) })).pipe(
        Effect.provide(BwrapSandbox.layer({ stateDir: folders.stateDir, readable }))
      )
      assert.strictEqual(text, "secret")
    }))

  test("HOME is made where it is not there", (folders) =>
    Effect.gen(function* () {
      const home = `${folders.stateDir}/homes/new`
      const env = { PATH: process.env["PATH"] ?? "", HOME: home }
      const { text } = yield* run(
        programOf(folders, { run: shell('ls -A "$HOME"; touch "$HOME/x" && echo kept'), home, env })
      )
      assert.strictEqual(text, "kept")
      assert.isTrue(yield* (yield* FileSystem.FileSystem).exists(`${home}/x`))
    }))
})

describe.skipIf(skip)(`${name}: processes`, () => {
  test("a program that is not visible inside is told of", (folders) =>
    Effect.gen(function* () {
      const { code, err } = yield* run(programOf(folders, { run: [`${folders.project}/tool`] }))
      assert.strictEqual(code, 127)
      assert.include(err, `cannot start \`${folders.project}/tool\``)
      assert.include(err, "not visible")
      const refused = yield* run(programOf(folders, { run: [folders.workspace] }))
      assert.deepStrictEqual([refused.code, refused.err.includes("EACCES")], [126, true])
    }))

  test("no secret stands on a command line, nor in a file outside", (folders) =>
    Effect.gen(function* () {
      const secret = "hush-hush-4711"
      const env = { ...programOf(folders, { run: ["true"] }).env, API_KEY: secret }
      const port = yield* serve((_, response) => response.end())
      const sandbox = yield* Sandbox
      const program = programOf(folders, {
        run: shell("echo ready; sleep 600"),
        env,
        ports: [port],
        hosts: ["a.example"]
      })
      const running = yield* launch(yield* sandbox.enclose(program), null)
      yield* running.said("ready")
      const pids = survivors(folders)
      assert.isAtLeast(pids.length, 4, "the leader, the first process inside, the bridge, the program")
      const lines = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "))
      assert.isTrue(lines.some((line) => line.includes("--unshare-net")))
      for (const line of lines) assert.notInclude(line, secret)
    }))

  test("SIGKILL of the leader ends all, also who has a session of its own", (folders) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const script = "setsid sh -c 'trap \"\" TERM HUP; echo in; sleep 600' & (sleep 600 & echo out); wait"
      const running = yield* launch(yield* sandbox.enclose(programOf(folders, { run: shell(script) })), null)
      yield* Effect.all([running.said("in"), running.said("out")])
      assert.isAtLeast(survivors(folders).length, 6)
      yield* running.kill("SIGKILL")
      yield* allDead(folders)
    }))

  test("the end of the program ends what it left behind", (folders) =>
    Effect.gen(function* () {
      const { code } = yield* run(programOf(folders, { run: shell("setsid sleep 600 >/dev/null 2>&1 & exit 3") }))
      assert.strictEqual(code, 3)
      yield* allDead(folders)
    }))

  test("a signal to the leader alone does not cut the program off", (folders) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const running = yield* launch(yield* sandbox.enclose(programOf(folders, { run: shell("echo ready; cat") })), null)
      yield* running.said("ready")
      yield* running.kill("SIGTERM")
      yield* running.say("still here\n")
      yield* running.said("still here")
    }))
})

describe.skipIf(skip)(`${name}: network`, () => {
  test("there is none: no host, no port of this machine, no abstract socket", (folders) =>
    Effect.gen(function* () {
      const port = yield* serve((_, response) => response.end("reached"))
      const path = yield* abstractSocket(folders.mark)
      const script = `const net = require("net")
        const ask = (to) => new Promise((done) => net.connect(to).on("connect", () => done("reached")).on("error", (e) => done(e.code)))
        ;(async () => { for (const to of [{ host: "1.1.1.1", port: 80 }, { host: "127.0.0.1", port: ${port} }, ${JSON.stringify({ path })}]) console.log(await ask(to)) })()`
      const { text } = yield* run(programOf(folders, { run: node(script) }))
      assert.strictEqual(text, "ENETUNREACH\nECONNREFUSED\nECONNREFUSED")
    }))

  test("a port below 1024, which only root has, is reached, too", (folders) =>
    Effect.gen(function* () {
      if (process.getuid?.() !== 0) return
      const script = `require("net").connect(80, "127.0.0.1").on("connect", () => { console.log("up"); process.exit() })`
      const { err, text } = yield* run(programOf(folders, { run: node(script), ports: [80] }))
      assert.deepStrictEqual([text, err], ["up", ""])
    }))

  test("a port on which nobody listens outside gives no answer", (folders) =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serve((_, response) => response.end()))
      const script = `require("net").connect(${closed}, "127.0.0.1").on("error", () => {}).on("close", () => console.log("closed"))`
      const { text } = yield* run(programOf(folders, { run: node(script), ports: [closed] }))
      assert.strictEqual(text, "closed")
    }))

  test("the end of the scope ends connections and removes the sockets", (folders) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const sandbox = yield* Sandbox
      const port = yield* serve((_, response) => response.write("open"))
      const scope = yield* Scope.make()
      const script = `fetch("http://127.0.0.1:${port}").then(async (answer) => {
          try { for await (const bytes of answer.body) console.log(Buffer.from(bytes).toString()) } catch {}
          console.log("cut off")
        })`
      const program = programOf(folders, { run: node(script), ports: [port] })
      const enclosure = yield* Scope.provide(sandbox.enclose(program), scope)
      const sockets = enclosure.run[enclosure.run.indexOf("/run/squadron/sockets") - 1] ?? ""
      assert.deepStrictEqual(yield* fs.readDirectory(sockets), [String(port)])
      assert.strictEqual((yield* fs.stat(sockets)).mode & 0o777, 0o700)
      const running = yield* launch(enclosure)
      yield* running.said("open")
      yield* Scope.close(scope, Exit.void)
      yield* running.said("cut off")
      assert.isFalse(yield* fs.exists(sockets))
    }))

  test("sockets that a killed daemon left are removed at the next start", (folders) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const gone = yield* Effect.scoped(launch({ run: ["true"], cwd: "/", env: { PATH: process.env["PATH"] ?? "" } }))
      yield* gone.ended
      const left = `${tmpdir()}/squadron-sockets-${gone.pid}-abc`
      const kept = `${tmpdir()}/squadron-sockets-${process.pid}-abc`
      for (const folder of [left, kept]) yield* fs.makeDirectory(folder)
      yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(kept, { recursive: true })))
      yield* Effect.provide(Effect.asVoid(Sandbox), BwrapSandbox.layer({ stateDir: folders.stateDir }))
      assert.deepStrictEqual([yield* fs.exists(left), yield* fs.exists(kept)], [false, true])
    }))
})
