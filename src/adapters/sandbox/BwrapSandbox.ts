import { Effect, FiberSet, Layer, type Scope } from "effect"
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SandboxUnavailable } from "../../domain/Errors.ts"
import { type Enclosed, type Enclosure, Sandbox } from "../../services/Sandbox.ts"
import { bwrapArguments, inside } from "./bwrapArguments.ts"
import { type Bwrap, detectBwrap } from "./detect.ts"
import { forwardPort } from "./forwardPort.ts"
import { makeHostProxy } from "./hostProxy.ts"
import { type HostRule, isOffered, offeredPorts, parseRule } from "./hostRules.ts"
import { placesOf } from "./places.ts"
import { serveSocket } from "./unixServer.ts"

export type BwrapSandboxOptions = {
  /** Squadron's state folder: never visible, but for what is listed of it. Absolute. */
  readonly stateDir: string
  /** The program, by name or by path; `bwrap` unless told. */
  readonly bwrap?: string | undefined
  /** Further folders that must not be visible, but for what is listed of them; those that are not there are left out. */
  readonly hidden?: ReadonlyArray<string> | undefined
  /** Folders that every program may read, such as tools in a home folder; those that are not there are left out. */
  readonly readable?: ReadonlyArray<string> | undefined
}

/** Folders of sockets begin with this and the pid of their daemon. */
const socketsPrefix = "squadron-sockets-"

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Where folders of sockets are made; a socket's whole path may have 107 bytes. */
const socketsParent = (): string => (Buffer.byteLength(tmpdir()) > 60 ? "/tmp" : tmpdir())

/** Removes what killed daemons of this user left. */
const removeLeftovers = Effect.try(() => {
  for (const name of readdirSync(socketsParent())) {
    const pid = new RegExp(`^${socketsPrefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isRunning(Number(pid))) continue
    const path = join(socketsParent(), name)
    if (lstatSync(path, { throwIfNoEntry: false })?.uid !== process.getuid?.()) continue
    rmSync(path, { recursive: true, force: true })
  }
}).pipe(Effect.ignore({ log: "Warn" }))

const socketsFolder = Effect.acquireRelease(
  Effect.try({
    try: () => mkdtempSync(join(socketsParent(), `${socketsPrefix}${process.pid}-`)),
    catch: (error) =>
      new SandboxUnavailable({
        reason: `no folder for its sockets can be made (${String(error)})`,
        remedy: "Point TMPDIR at a folder that the daemon may write to."
      })
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const rulesOf = (hosts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<HostRule>, SandboxUnavailable> =>
  Effect.forEach(hosts, (text) => {
    const rule = parseRule(text)
    const remedy = "Write `hosts` as name, name:port, *.suffix or *.suffix:port."
    return rule === undefined
      ? Effect.fail(new SandboxUnavailable({ reason: `\`${text}\` is no host`, remedy }))
      : Effect.succeed(rule)
  })

/** The program's own ports, for clients that send everything through the proxy. */
const loopbackRules = (ports: Iterable<number>): ReadonlyArray<HostRule> =>
  [...ports].flatMap((port) => ["127.0.0.1", "localhost"].map((name) => ({ name, below: false, port, literal: true })))

/** The first of the usual proxy ports that is not one of these. */
const proxyPort = (ports: ReadonlyMap<number, unknown>): number => {
  let port = 3128
  while (ports.has(port)) port += 1
  return port
}

const proxyVariables = (port: number, rules: ReadonlyArray<HostRule>): Readonly<Record<string, string>> => {
  const proxy = `http://127.0.0.1:${port}`
  // What is listed goes through the proxy, where it is not offered.
  const proxied = new Set(rules.flatMap((rule) => (isOffered(rule) ? [] : [rule.name])))
  const direct = ["127.0.0.1", "localhost", "::1"].filter((name) => !proxied.has(name)).join(",")
  return {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own clients ask for this.
    NODE_USE_ENV_PROXY: "1"
  }
}

/**
 * Variables that would act on programs outside, which are started in the same environment, or on the bridge: those of
 * the loader could make bubblewrap itself run code of the workspace. The program alone gets them, by the command line.
 */
const heldBack = /^(?:LD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NODE_OPTIONS|PWD)$/

/** The environment outside, and what the bridge changes to make it the program's. */
const environments = (given: Readonly<Record<string, string>>) => {
  const entries = Object.entries(given)
  const held = entries.filter(([name]) => heldBack.test(name))
  return {
    env: Object.fromEntries(entries.filter(([name]) => !heldBack.test(name))),
    changes: [
      // Bubblewrap sets it.
      ...(given["PWD"] === undefined ? ["--unset", "PWD"] : []),
      ...held.flatMap(([name, value]) => ["--set", `${name}=${value}`])
    ]
  }
}

/**
 * Shuts programs in by bubblewrap: they see the machine read-only, without the folders of its users, and have no
 * network but the given ports and, through a proxy, the given hosts.
 *
 * Their first process outlives SIGTERM, SIGINT, SIGHUP and SIGQUIT, so that the program may answer them: signal the
 * whole family, as `endFamily` does. SIGKILL of the first process ends all. An end by a signal is exit code 128 + n.
 * With `hosts`, the environment has the variables of a proxy besides those given.
 */
export const layer = (
  options: BwrapSandboxOptions & {
    /** What was detected already. */
    readonly found?: Bwrap | undefined
  }
): Layer.Layer<Sandbox> =>
  Layer.effect(
    Sandbox,
    Effect.gen(function* () {
      yield* removeLeftovers
      yield* Effect.sync(() => mkdirSync(options.stateDir, { recursive: true }))
      const hidden = [options.stateDir, ...(options.hidden ?? [])]

      let { found } = options
      // Asked anew after a failure: somebody may have installed it.
      const usable = Effect.gen(function* () {
        if (found !== undefined) return found
        const detected = yield* detectBwrap(options.bwrap)
        if (detected.kind === "none") return yield* new SandboxUnavailable(detected)
        found = detected
        return detected
      })

      /** Makes the sockets of ports and hosts; returns their folder and the bridge's ports. */
      const openSockets = Effect.fnUntraced(function* (
        { hostsKey, ports: own }: Enclosed,
        ports: ReadonlyMap<number, string>,
        rules: ReadonlyArray<HostRule>
      ) {
        const folder = yield* socketsFolder
        yield* Effect.forEach(ports, ([port, host]) => forwardPort(join(folder, String(port)), host, port))
        const bridged = [...ports.keys()].map((port) => [port, String(port)] as const)
        if (rules.length === 0) return { folder, bridged }
        const log = yield* FiberSet.makeRuntime<never>()
        const told = new Set<string>()
        const onRefused = (line: string): void => {
          // Once each, and not without end.
          if (told.has(line) || told.size >= 100) return
          told.add(line)
          log(Effect.logWarning(line))
        }
        const options = { rules: [...rules, ...loopbackRules(own)], hostsKey, onRefused }
        yield* serveSocket(join(folder, "proxy"), (track) => makeHostProxy({ ...options, track }))
        return { folder, bridged: [...bridged, [proxyPort(ports), "proxy"] as const] }
      })

      const enclose = Effect.fn("BwrapSandbox.enclose")(function* (
        program: Enclosed
      ): Effect.fn.Return<Enclosure, SandboxUnavailable, Scope.Scope> {
        const bwrap = yield* usable
        const tools = (options.readable ?? []).filter((folder) => existsSync(folder))
        const { cwd, places } = yield* placesOf({ ...program, readable: [...program.readable, ...tools] }, hidden)
        const rules = yield* rulesOf(program.hosts)
        const ports = offeredPorts(program.ports, rules)
        const connected = ports.size > 0 || rules.length > 0
        const none = { bridged: [], folder: undefined }
        const { bridged, folder } = connected ? yield* openSockets(program, ports, rules) : none
        const proxy = rules.length === 0 ? {} : proxyVariables(proxyPort(ports), rules)
        const { changes, env } = environments({ ...program.env, ...proxy })
        const [first, ...rest] = [...bwrap.launcher, bwrap.path]
        return {
          run: [
            first ?? bwrap.path,
            ...rest,
            ...bwrapArguments(places, { cwd, sockets: folder, lowPorts: program.ports.some((port) => port < 1024) }),
            "--",
            process.execPath,
            inside.bridge,
            ...bridged.flatMap(([port, name]) => ["--port", `${port}=${inside.sockets}/${name}`]),
            ...changes,
            "--",
            ...program.run
          ],
          // Outside, the program's own folder has no business.
          cwd: "/",
          env
        }
      })

      return Sandbox.of({ kind: "bwrap", enclose })
    })
  )
