import { Effect } from "effect"
import { execFile } from "node:child_process"
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs"
import { delimiter, join } from "node:path"
import { bwrapArguments } from "./bwrapArguments.ts"
import { arrange, emptiedHere } from "./places.ts"

/** A bubblewrap that works here. */
export type Bwrap = {
  readonly kind: "bwrap"
  readonly version: string
  /** Absolute. */
  readonly path: string
  /** What starts it so that it outlives a signal that its program may answer; empty where that cannot be had. */
  readonly launcher: ReadonlyArray<string>
}

/** Why there is no sandbox here, and what to do. */
export type NoBwrap = { readonly kind: "none"; readonly reason: string; readonly remedy: string }

type Ended = { readonly ok: boolean; readonly code: string; readonly out: string; readonly err: string }

/** Runs a program of the system to its end, 20 s at most. */
const run = ([program, ...args]: readonly [string, ...ReadonlyArray<string>]): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const options = { encoding: "utf8", timeout: 20_000, killSignal: "SIGKILL", env: {}, cwd: "/" } as const
    const child = execFile(program, args, options, (error, out, err) =>
      resume(Effect.succeed({ ok: error === null, code: String(error?.code ?? error?.signal ?? ""), out, err }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

const onPath = (name: string): string | undefined =>
  name.includes("/")
    ? name
    : (process.env["PATH"] ?? "")
        .split(delimiter)
        .filter((folder) => folder.startsWith("/"))
        .map((folder) => join(folder, name))
        .find(isProgram)

const setting = (name: string): string | undefined => {
  const file = `/proc/sys/${name.replaceAll(".", "/")}`
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined
}

const install =
  "Install it: `apt-get install bubblewrap` (Fedora: `dnf install bubblewrap`, Alpine: `apk add bubblewrap`)."

const set = (name: string, value: string) =>
  `Run \`sysctl -w ${name}=${value}\` as root, and write \`${name}=${value}\` into /etc/sysctl.d/60-squadron.conf to keep it.`

/** What to do about a bubblewrap that fails; `read` gives the kernel's settings by their names. */
export const remedyFor = (read: (name: string) => string | undefined): string => {
  if (read("kernel.unprivileged_userns_clone") === "0") return set("kernel.unprivileged_userns_clone", "1")
  if (read("kernel.apparmor_restrict_unprivileged_userns") === "1")
    return set("kernel.apparmor_restrict_unprivileged_userns", "0")
  if (read("user.max_user_namespaces") === "0") return set("user.max_user_namespaces", "15000")
  return "It needs user namespaces. In a container, allow them: `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …`."
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

/** Whether `bwrap`, by name or by path, can shut in a program here; it is really run. */
export const detectBwrap = Effect.fn("Sandbox.detect")(function* (bwrap = "bwrap"): Effect.fn.Return<Bwrap | NoBwrap> {
  if (process.platform !== "linux") {
    return {
      kind: "none",
      reason: `bubblewrap is for Linux, and this is ${process.platform}`,
      remedy: "Run Squadron on Linux."
    }
  }
  const path = onPath(bwrap)
  if (path === undefined || !isProgram(path)) {
    return { kind: "none", reason: `bubblewrap (${bwrap}) is not installed`, remedy: install }
  }
  const version = yield* run([path, "--version"])
  if (!version.ok) return { kind: "none", reason: `\`${path} --version\` fails (${version.code})`, remedy: install }
  const places = arrange({ emptied: emptiedHere(), writable: [], readable: [] })
  const tried = yield* run([path, ...bwrapArguments(places, { cwd: "/" }), "--", process.execPath, "--version"])
  if (!tried.ok) {
    const reason = `bubblewrap cannot shut a program in here (${lastLine(tried.err) || tried.code})`
    return { kind: "none", reason, remedy: remedyFor(setting) }
  }
  const patient = [onPath("env") ?? "env", "--ignore-signal=TERM,INT,HUP,QUIT"] as const
  return {
    kind: "bwrap",
    version: lastLine(version.out).replace(/^\D+/, ""),
    path,
    // Only the env of GNU has this option.
    launcher: (yield* run([...patient, path, "--version"])).ok ? patient : []
  }
})

/** Whether bubblewrap can shut in a program here; it is really run. */
export const detect = detectBwrap()
