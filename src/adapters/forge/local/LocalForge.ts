import { rmSync } from "node:fs"
import { Context, Effect, Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"
import type { ForgeError } from "../../../domain/Errors.ts"
import type { Trust } from "../../../domain/Trust.ts"
import { Forge } from "../../../services/Forge.ts"
import { SqlWriter, unavailable } from "../../sql/SqlWriter.ts"
import { incoming, repositoriesIn } from "./folders.ts"
import { makeGit } from "./git.ts"
import { type GitRequest, type GitResponse, type GitServingFailed, makeBackend } from "./HttpBackend.ts"
import { type AskedImport, type Imported, makeImport } from "./importing.ts"
import { type IssueSide, makeIssueSide } from "./issueSide.ts"
import { makePerform, refusal } from "./perform.ts"
import { makePullSide, type PullSide } from "./pullSide.ts"
import { makeReading } from "./reading.ts"
import type { Parts } from "./settling.ts"
import { makeStanding } from "./standing.ts"
import { makeTurns } from "./Turns.ts"

/** How the local forge is kept; all of it may be left out. */
export type LocalForgeOptions = {
  /** Absolute folder of the bare repositories, `<owner>/<name>.git`. Without one there is no git: issues alone. */
  readonly repositories?: string | undefined
  /** Absolute path of Squadron's mirror of a repository, whose commits are pushed. */
  readonly objects?: ((repository: string) => string) | undefined
  /** What people may do, by login; in any case of letters. */
  readonly people?: Readonly<Record<string, Trust>> | undefined
  /** What everybody else may do. `admin` unless told: whoever reaches a local forge as a person holds the machine. */
  readonly defaultTrust?: Trust | undefined
  /** The default branch of new repositories where an import names none; `main` unless told. */
  readonly defaultBranch?: string | undefined
  /** In the environment of every git, so that one which a killed daemon has left is found; see `ProcessRecords`. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/**
 * The forge that Squadron keeps itself: issues and pull requests in its own database, branches in bare repositories.
 *
 * Besides the port it has what a person can do. Every change appends its events in its own transaction, attributed
 * to who made it; a change that changes nothing appends none. What git and the database have to say together is
 * begun with an intent in the database and finished by whoever has the repository next, so a crash between is harmless.
 */
export class LocalForge extends Context.Service<
  LocalForge,
  Forge["Service"] &
    IssueSide &
    PullSide & {
      /** The names of all git repositories. */
      readonly repositories: Effect.Effect<ReadonlyArray<string>>
      /**
       * Makes a repository of a git repository's HEAD, or of a folder's files; one that is there follows a git
       * repository by fast-forward only. Nothing of the source is run, no hooks and no filters.
       */
      importRepository(asked: AskedImport): Effect.Effect<Imported, ForgeError>
      /** Answers a git client. A push is answered once its events are durable. */
      serveGit(request: GitRequest): Effect.Effect<GitResponse, GitServingFailed | ForgeError, Scope.Scope>
    }
>()("squadron/adapters/forge/local/LocalForge") {
  /** Needs the tables of `migration` and `pullMigration`. Tells first what a killed daemon could not tell any more. */
  static readonly layer = (
    options: LocalForgeOptions = {}
  ): Layer.Layer<LocalForge, never, SqlClient.SqlClient | SqlWriter> => Layer.effect(LocalForge, make(options))

  /** The port alone. */
  static readonly layerForge: Layer.Layer<Forge, never, LocalForge> = Layer.effect(
    Forge,
    Effect.map(LocalForge, (local) =>
      Forge.of({
        perform: local.perform,
        issue: local.issue,
        issues: local.issues,
        comments: local.comments,
        pullRequest: local.pullRequest,
        pullRequests: local.pullRequests,
        reviews: local.reviews,
        reviewComments: local.reviewComments,
        checks: local.checks,
        trust: local.trust,
        defaultBranch: local.defaultBranch,
        remote: local.remote
      })
    )
  )
}

/** A fault that may pass is the caller's to see; any other is a mistake of ours. */
const readFault = (error: SqlError.SqlError): Effect.Effect<never, ForgeError> =>
  error.isRetryable ? Effect.fail(refusal(unavailable(error))) : Effect.die(error)

const make = Effect.fnUntraced(function* (options: LocalForgeOptions) {
  const sql = yield* SqlClient.SqlClient
  const writer = yield* SqlWriter
  const root = options.repositories ?? null
  const parts: Parts = {
    git: makeGit(options.environment),
    standing: makeStanding(options.people ?? {}, options.defaultTrust ?? "admin"),
    writer,
    read: (query) => query.pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.catch(readFault)),
    refusal
  }
  const turns = makeTurns(parts, root)
  const all = yield* makeReading(parts, root)
  const { commit: _, ...reading } = all
  const mirror = (repository: string) => options.objects?.(repository) ?? null
  const repositories = Effect.sync(() => (root === null ? [] : repositoriesIn(root)))

  if (root !== null) rmSync(incoming(root), { recursive: true, force: true })
  yield* Effect.forEach(
    yield* repositories,
    (repository) =>
      Effect.catch(
        turns.in(repository, () => Effect.void),
        (error) => Effect.logWarning(`The repository ${repository} cannot be read: ${error.message}`)
      ),
    { concurrency: 2, discard: true }
  )
  return LocalForge.of({
    ...reading,
    perform: makePerform(parts, turns, all, mirror),
    ...makeIssueSide(parts),
    ...makePullSide(parts, turns, all),
    repositories,
    importRepository: makeImport(parts, turns, root, options.defaultBranch ?? "main"),
    serveGit: makeBackend(parts, turns, root)
  })
})
