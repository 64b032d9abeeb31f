import { tmpdir } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Layer, Logger } from "effect"
import * as BwrapSandbox from "../../../src/adapters/sandbox/BwrapSandbox.ts"
import { type SandboxMode, sandboxLayer } from "../../../src/adapters/sandbox/chosen.ts"
import { detect, detectBwrap, remedyFor } from "../../../src/adapters/sandbox/detect.ts"
import { Sandbox } from "../../../src/services/Sandbox.ts"
import { live, makeFolders, programOf, run } from "./Enclosures.ts"

const found = await Effect.runPromise(detect)
const skip = found.kind === "none"

/** A program of this text in the place of bubblewrap. */
const fake = Effect.fnUntraced(function* (script: string) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/bwrap`
  yield* fs.writeFileString(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
})

/** Tells its version, but cannot shut in anything. */
const unable = `[ "$1" = --version ] && echo "bubblewrap 9.8.7" && exit
echo "bwrap: some warning" >&2; echo "bwrap: No permissions to create new namespace" >&2; exit 1`

describe("detection", () => {
  live(skip ? `finds bubblewrap (skipped: ${found.reason})` : "finds bubblewrap, its version and its place", () =>
    Effect.sync(() => {
      if (found.kind === "none") return
      assert.match(found.version, /^\d+\.\d+/)
      assert.match(found.path, /^\//)
    })
  )

  live("says how to install what is not there", () =>
    Effect.gen(function* () {
      for (const bwrap of ["no-such-bwrap", "/nowhere/bwrap", tmpdir()]) {
        const none = yield* detectBwrap(bwrap)
        assert(none.kind === "none")
        assert.strictEqual(none.reason, `bubblewrap (${bwrap}) is not installed`)
        assert.include(none.remedy, "`apt-get install bubblewrap`")
      }
    })
  )

  live("really runs it, and says in its own words why it fails", () =>
    Effect.gen(function* () {
      const none = yield* detectBwrap(yield* fake(unable))
      assert(none.kind === "none")
      assert.include(none.reason, "bwrap: No permissions to create new namespace")
      assert.notStrictEqual(none.remedy, "")
      const broken = yield* detectBwrap(yield* fake("exit 9"))
      assert(broken.kind === "none")
      assert.include(broken.reason, "--version` fails (9)")
    })
  )

  it("names the setting of the kernel that forbids it", () => {
    const remedy = (settings: Readonly<Record<string, string>>) => remedyFor((name) => settings[name])
    assert.include(
      remedy({ "kernel.unprivileged_userns_clone": "0" }),
      "`sysctl -w kernel.unprivileged_userns_clone=1` as root"
    )
    assert.include(
      remedy({ "kernel.unprivileged_userns_clone": "1", "kernel.apparmor_restrict_unprivileged_userns": "1" }),
      "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root"
    )
    assert.include(remedy({ "user.max_user_namespaces": "0" }), "`sysctl -w user.max_user_namespaces=15000` as root")
    assert.include(remedy({ "user.max_user_namespaces": "100" }), "--security-opt seccomp=unconfined")
  })
})

describe("bubblewrap that cannot be had", () => {
  live("is told of when a program shall be shut in, and is asked for anew", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folders = yield* makeFolders
      const bwrap = yield* fake(unable)
      yield* Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const program = programOf(folders, { run: ["true"] })
        const error = yield* Effect.flip(sandbox.enclose(program))
        assert.strictEqual(error._tag, "SandboxUnavailable")
        assert.match(error.message, /^No sandbox: bubblewrap cannot shut a program in here \(bwrap: No permissions/)
        if (found.kind === "none") return
        yield* fs.remove(bwrap)
        yield* fs.symlink(found.path, bwrap)
        assert.strictEqual((yield* run(program)).code, 0)
      }).pipe(Effect.provide(BwrapSandbox.layer({ stateDir: folders.stateDir, bwrap })))
    })
  )
})

describe("the chosen sandbox", () => {
  const choose = Effect.fnUntraced(function* (mode: SandboxMode, bwrap?: string) {
    const { stateDir } = yield* makeFolders
    const lines: Array<unknown> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
    const exit = yield* Sandbox.pipe(
      Effect.map(({ kind }) => kind),
      Effect.provide(sandboxLayer({ mode, stateDir, bwrap }).pipe(Layer.provide(Logger.layer([logger])))),
      Effect.exit
    )
    const kind = Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)
    return { kind, lines }
  })

  live("is none where it is off, whatever there is", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* choose("off"), { kind: "none", lines: [] })
    })
  )

  live("is none with one warning where it is not required and cannot be had", () =>
    Effect.gen(function* () {
      const { kind, lines } = yield* choose("auto", "no-such-bwrap")
      assert.strictEqual(kind, "none")
      assert.strictEqual(lines.length, 1)
      assert.match(
        String(lines[0]),
        /^Warn Agents and hooks run without a sandbox.*no-such-bwrap.*apt-get install bubblewrap/
      )
    })
  )

  live("fails where it is required and cannot be had", () =>
    Effect.gen(function* () {
      const { kind } = yield* choose("required", "no-such-bwrap")
      assert.match(
        String(kind),
        /SandboxUnavailable: No sandbox: bubblewrap \(no-such-bwrap\) is not installed\. Install/
      )
    })
  )

  live(skip ? `is bubblewrap where it is there (skipped: ${found.reason})` : "is bubblewrap where it is there", () =>
    Effect.gen(function* () {
      if (skip) return
      for (const mode of ["auto", "required"] as const) {
        assert.deepStrictEqual(yield* choose(mode), { kind: "bwrap", lines: [] })
      }
    })
  )
})
