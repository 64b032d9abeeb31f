import { Clock, Console, Context, Effect, Equal, Fiber, FileSystem, Layer, Path, Result, Schema, Stream } from "effect"
import { HttpServer, type HttpServerError } from "effect/http"
import { type LoadedConfig, loadConfig } from "../adapters/config/loadConfig.ts"
import { watchConfig } from "../adapters/config/watchConfig.ts"
import { webhookSecret } from "../adapters/config/webhookSecret.ts"
import { LocalForge } from "../adapters/forge/local/LocalForge.ts"
import { homeVariable, ProcessRecords, runVariable } from "../adapters/harness/ProcessRecords.ts"
import { hangupAsTerminate, nextSignal, processId } from "../adapters/process/host.ts"
import * as DaemonLock from "../adapters/sql/DaemonLock.ts"
import * as SqliteBackup from "../adapters/sql/SqliteBackup.ts"
import { JournalEntry, type JournalKind } from "../domain/Journal.ts"
import * as Step from "../domain/Step.ts"
import { Caretaker } from "../services/Caretaker.ts"
import { Forge } from "../services/Forge.ts"
import { Landing } from "../services/Landing.ts"
import { RecentActions } from "../services/RecentActions.ts"
import { Squadron } from "../services/Squadron.ts"
import { Squads } from "../services/Squads.ts"
import { Store } from "../services/Store.ts"
import { entryLine, greet } from "./announcements.ts"
import * as DailyLog from "./dailyLog.ts"
import * as DaemonFile from "./DaemonFile.ts"
import * as Http from "./http.ts"
import { forgeLayer } from "./forges.ts"
import { gitHubForge, watchGitHub } from "./github.ts"
import * as GitHttp from "./gitHttp.ts"
import { engineLayer, sqliteStoreLayer } from "./layers.ts"
import * as Mcp from "./mcp/mcp.ts"
import { openIssues, prepareRepository } from "./prepare.ts"
import { ownCommand } from "./ownCommand.ts"
import { checked, ServerSettings } from "./serverAddress.ts"
import { version } from "./version.ts"
import * as Webhook from "./webhook.ts"
import { workLayer } from "./work.ts"

export type DaemonOptions = {
  readonly root: string
  /** End when nothing is left to do. */
  readonly once: boolean
  readonly port: number | undefined
  readonly host: string | undefined
  readonly json: boolean
  /** Make a webhook secret in the state folder where none is configured. */
  readonly makeSecret: boolean
  /** A folder of issues to open, once each; absolute. */
  readonly issues: string | null
  /** Takes the place of what roles say under `agent`. */
  readonly agent: string | null
}

/** The server's address cannot be had. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String
}) {
  override get message() {
    const place = `${this.host}:${this.port}`
    switch (this.code) {
      case "EADDRINUSE":
        return `Another program listens on ${place}. Stop it, or choose another port with --port or \`server.port\`; 0 takes any free one.`
      case "EACCES":
        return `This user may not listen on ${place}. Choose a port above 1023 with --port or \`server.port\`.`
      case "EADDRNOTAVAIL":
      case "ENOTFOUND":
        return `This machine has no address ${this.host}. Choose another with --host or \`server.host\`.`
      default:
        return `Squadron cannot listen on ${place}: ${this.code}.`
    }
  }
}

const cannotListen =
  ({ host, port }: ServerSettings["Service"]) =>
  (error: HttpServerError.ServeError) => {
    const cause = error.cause
    const code = cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(cause)
    return Effect.fail(new CannotListen({ host, port, code }))
  }

/** What the start found of an earlier daemon. */
class Leftovers extends Context.Service<
  Leftovers,
  {
    readonly reaped: number
    /** The agents whose runs were cut off. */
    readonly recovered: ReadonlyArray<string>
  }
>()("squadron/app/daemon/Leftovers") {}

/** Ends the processes that a killed daemon left, before any agent of this one runs. */
const leftovers = Layer.effect(
  Leftovers,
  Effect.gen(function* () {
    const records = yield* ProcessRecords
    const store = yield* Store
    return {
      reaped: (yield* records.reap).length,
      recovered: (yield* store.openRuns).map((run) => run.agent)
    }
  })
)

const urlOf = (server: HttpServer.HttpServer["Service"]): string => HttpServer.formatAddress(server.address)

/** Where Squadron's own git repositories are. */
const mirrorOf = (stateDir: string) => (repository: string) => `${stateDir}/mirrors/${repository}.git`

/** The routes besides the API: agents' tools, git, GitHub's webhook. */
const routes = ({ settings }: LoadedConfig, secret: LoadedConfig["settings"]["github"]["secret"]) =>
  Layer.mergeAll(
    Mcp.layer({ version }),
    GitHttp.layer,
    Layer.unwrap(
      Effect.gen(function* () {
        const forge = yield* Forge
        const recent = yield* RecentActions
        return Webhook.layer({
          ...settings.github,
          secret,
          recent,
          forge: settings.github.auth === null ? undefined : forge
        })
      })
    )
  )

/** What looks after the work that the engine has set going. */
const keepers = ({ settings }: LoadedConfig) => {
  const { auth } = settings.github
  return Layer.mergeAll(
    Landing.layer,
    Caretaker.layer,
    auth === null
      ? Layer.empty
      : watchGitHub(settings, auth).pipe(Layer.provide(gitHubForge(settings, auth, mirrorOf(settings.stateDir))))
  )
}

/** The graph of the daemon. */
const daemonLayer = (loaded: LoadedConfig, secret: LoadedConfig["settings"]["github"]["secret"]) => {
  const { settings, squad } = loaded
  const { auth } = settings.github
  const local = Layer.unwrap(
    Effect.map(ProcessRecords, ({ home }) =>
      LocalForge.layer({
        repositories: `${settings.stateDir}/repositories`,
        objects: mirrorOf(settings.stateDir),
        people: settings.people,
        // by which the next start finds a git that this one leaves
        environment: { [homeVariable]: home, [runVariable]: "git" }
      })
    )
  )
  const forge = forgeLayer({
    local: settings.repository,
    github: auth === null ? null : gitHubForge(settings, auth, mirrorOf(settings.stateDir))
  })
  return Http.layerWith(routes(loaded, secret)).pipe(
    Layer.provideMerge(SqliteBackup.layer),
    Layer.provideMerge(keepers(loaded)),
    Layer.provideMerge(engineLayer({ drainTimeout: settings.drainTimeout })),
    Layer.provideMerge(workLayer(settings)),
    // before anything of git starts: what a killed daemon left could still be at it
    Layer.provideMerge(forge.pipe(Layer.provideMerge(local), Layer.provideMerge(leftovers))),
    Layer.provideMerge(RecentActions.layer),
    Layer.provideMerge(Squads.layer(squad)),
    Layer.provideMerge(ProcessRecords.layer({ stateDir: settings.stateDir })),
    Layer.provideMerge(Http.server),
    Layer.provideMerge(sqliteStoreLayer({ filename: `${settings.stateDir}/squadron.db` })),
    Layer.provide(DaemonLock.layer(settings.stateDir))
  )
}

const encodeLine = Schema.encodeEffect(Schema.fromJsonString(JournalEntry))

/** Writes down what concerns the squadron as a whole; where that cannot be written now, it is left out. */
const note = Effect.fnUntraced(function* (kind: JournalKind, text: string) {
  const store = yield* Store
  const at = yield* Clock.currentTimeMillis
  yield* Effect.ignore(
    store.commit(Step.make({ journal: [{ kind, at, event: null, agent: null, text, verdicts: [] }] })),
    {
      log: "Warn"
    }
  )
})

const followConfig = Effect.fnUntraced(function* (root: string, agent: string | null, json: boolean) {
  const squads = yield* Squads
  let wrong = false
  yield* watchConfig(root, agent).pipe(
    Stream.runForEach(
      Effect.fnUntraced(function* (loaded) {
        const mended = wrong
        wrong = Result.isFailure(loaded)
        if (Result.isFailure(loaded)) {
          return yield* Effect.logWarning(
            `The changed configuration is not used; the last good one stays.\n${loaded.failure.message}`
          )
        }
        if (!mended && Equal.equals(loaded.success.squad, yield* squads.current)) return
        yield* squads.replace(loaded.success.squad)
        const names = loaded.success.squad.roles.map((role) => role.name).join(", ")
        yield* note("config.changed", `the configuration is read anew: ${names}`)
      })
    ),
    Effect.catch((error) =>
      json ? Effect.void : Effect.logWarning(`The configuration is not watched: ${error.message}`)
    ),
    Effect.forkScoped
  )
})

/** Runs the squadron of a folder until it is told to stop, or, with `once`, until nothing is left to do. */
export const runDaemon = Effect.fn("Daemon.run")(function* (options: DaemonOptions) {
  const loaded = yield* loadConfig(options.root, options.agent)
  const { settings } = loaded
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(settings.stateDir, { recursive: true })
  const secret = settings.github.secret ?? (yield* webhookSecret(settings.stateDir, options.makeSecret))
  const server = yield* checked({
    host: options.host ?? settings.server.host,
    port: options.port ?? settings.server.port,
    token: settings.server.token,
    repository: settings.repository
  })
  const services = daemonLayer(loaded, secret).pipe(Layer.provide(Layer.succeed(ServerSettings, server)))
  const program = Effect.gen(function* () {
    const squadron = yield* Squadron
    const { reaped, recovered } = yield* Leftovers
    const url = urlOf(yield* HttpServer.HttpServer)
    yield* prepareRepository(loaded, options.json)
    yield* DaemonFile.announce(options.root, { url, pid: processId, tokenFile: null })
    const printer = yield* squadron.watch.pipe(
      Stream.takeUntil((entry) => entry.kind === "squadron.stopped"),
      // what came of a tool is a line of its own
      Stream.filter((entry) => options.json || entry.kind !== "tool.called"),
      Stream.runForEach((entry) =>
        options.json ? Effect.flatMap(Effect.orDie(encodeLine(entry)), Console.log) : Console.log(entryLine(entry))
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    if (!options.json) {
      yield* greet({
        root: settings.root,
        url,
        squad: loaded.squad,
        repository: settings.repository,
        webhooks: secret !== null,
        command: yield* ownCommand({
          home: path.resolve(import.meta.dirname, "../.."),
          cwd: path.resolve("."),
          root: settings.root,
          url
        }),
        recovered,
        reaped
      })
    }
    yield* note("squadron.started", `squadron ${version} is at work`)
    yield* followConfig(options.root, options.agent, options.json)
    if (options.issues !== null) yield* openIssues(options.issues, settings.repository)
    // Ends when all that happened before is printed.
    const stopped = (why: string) =>
      Effect.andThen(note("squadron.stopped", why), Effect.timeoutOption(Fiber.await(printer), "1 second"))
    const wait = options.once
      ? Effect.andThen(
          Effect.andThen(squadron.idle, stopped("nothing is left to do")),
          Effect.suspend(() => (options.json ? Effect.void : Console.log("Nothing is left to do.")))
        )
      : Effect.never
    return yield* Effect.onInterrupt(wait, () =>
      Effect.andThen(
        options.json
          ? Effect.void
          : Console.error("Stopping: what is under way gets its time. Once more skips the wait."),
        // In fibers of their own, since this one is interrupted already. Launchers pass on what the terminal sends to
        // all of its programs, so a second signal at once is the same one.
        Effect.raceFirst(
          Effect.interruptible(Effect.andThen(squadron.drain, stopped("told to stop"))),
          Effect.interruptible(Effect.andThen(Effect.sleep("300 millis"), nextSignal))
        )
      )
    )
  })
  // Outermost, for a squadron is at work before it has told its address, and until all of it is closed.
  return yield* Effect.scoped(Effect.andThen(hangupAsTerminate, Effect.provide(program, services))).pipe(
    Effect.provide(DailyLog.layer),
    Effect.catchTag("ServeError", cannotListen(server))
  )
})
