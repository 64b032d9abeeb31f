/** Serves git's smart protocol by git's own `http-backend`, a CGI program. */
import { type ChildProcess, spawn } from "node:child_process"
import { createReadStream, mkdirSync } from "node:fs"
import { open, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { NodeStream } from "@effect/platform-node"
import { Effect, Schema, type Scope, Semaphore, Stream } from "effect"
import type { ForgeError } from "../../../domain/Errors.ts"
import { existing, incoming } from "./folders.ts"
import { ending, suspicious } from "./git.ts"
import type { Parts } from "./settling.ts"
import type { By } from "./standing.ts"
import type { Turns } from "./Turns.ts"

/** A request of a git client, its sender known. */
export type GitRequest = {
  readonly repository: string
  readonly path: "info/refs" | "git-upload-pack" | "git-receive-pack"
  readonly query: string
  readonly contentType: string
  /** `gzip`, or the empty string. */
  readonly contentEncoding: string
  /** The header Git-Protocol. */
  readonly protocol: string
  /** Who pushes; null for who only reads. */
  readonly login: string | null
  readonly body: Stream.Stream<Uint8Array, unknown>
}

export type GitResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Stream.Stream<Uint8Array, GitServingFailed>
}

/** The exchange with the client or with git's own program broke off. */
export class GitServingFailed extends Schema.TaggedError<GitServingFailed>()("GitServingFailed", {
  reason: Schema.String,
  /** Of the answer, where there still can be one. */
  status: Schema.Int
}) {
  override get message() {
    return this.reason
  }
}

const broken = (status: number, reason: string) => new GitServingFailed({ reason, status })

/** Clones and fetches that run at once; more would only make each other slow. */
const width = 16

/** Bytes of one push. */
const mostBytes = 4 * 2 ** 30

/** Bytes of an answer to a push; it is a report. */
const mostReport = 8 * 2 ** 20

const headEnd = Buffer.from("\r\n\r\n")

/** Reads the CGI header and leaves the rest in the stream. */
const readHead = (
  output: Readable
): Effect.Effect<{ status: number; headers: Record<string, string> }, GitServingFailed> =>
  Effect.callback((resume) => {
    let head = Buffer.alloc(0)
    const done = () => {
      output.off("readable", read)
      output.off("end", ended)
    }
    const ended = () => {
      done()
      resume(Effect.fail(broken(500, "git http-backend gave no answer")))
    }
    const read = () => {
      for (let chunk: Buffer | null = output.read(); chunk !== null; chunk = output.read()) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf(headEnd)
        if (end === -1) continue
        done()
        if (head.length > end + 4) output.unshift(head.subarray(end + 4))
        const headers: Record<string, string> = {}
        for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
          const at = line.indexOf(":")
          headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim()
        }
        const { status = "200", ...rest } = headers
        return resume(Effect.succeed({ status: Number(status.slice(0, 3)), headers: rest }))
      }
    }
    output.on("readable", read)
    output.on("end", ended)
    return Effect.sync(done)
  })

export const makeBackend = (parts: Parts, turns: Turns, root: string | null) => {
  const places = Semaphore.makeUnsafe(width)
  let spools = 0

  /** Starts the program; with the scope it ends, and all that it started. */
  const start = Effect.fnUntraced(function* (
    request: GitRequest,
    folder: string,
    length: number | null,
    patience: number
  ) {
    const isRead = request.path === "info/refs"
    const config = [["http.receivepack", "true"], ["uploadpack.allowFilter", "true"], ...suspicious] as const
    const env = {
      ...parts.git.environment([...config, ["receive.hideRefs", "refs/pull"], ["receive.denyDeleteCurrent", "refuse"]]),
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: `/${request.path}`,
      QUERY_STRING: request.query,
      REQUEST_METHOD: isRead ? "GET" : "POST",
      CONTENT_TYPE: request.contentType,
      GIT_PROTOCOL: request.protocol,
      REMOTE_ADDR: "127.0.0.1",
      ...(length === null ? {} : { CONTENT_LENGTH: String(length) }),
      ...(request.contentEncoding === "" ? {} : { HTTP_CONTENT_ENCODING: request.contentEncoding }),
      ...(request.login === null ? {} : { REMOTE_USER: request.login })
    }
    const child = yield* Effect.acquireRelease(
      Effect.callback<ChildProcess & { stdin: NodeJS.WritableStream; stdout: Readable }, GitServingFailed>((resume) => {
        const child = spawn("git", ["http-backend"], { env, detached: true, stdio: ["pipe", "pipe", "ignore"] })
        for (const pipe of [child.stdin, child.stdout]) pipe.on("error", () => {})
        child.once("error", (cause) => resume(Effect.fail(broken(500, `git cannot be started: ${cause.message}`))))
        child.once("spawn", () => resume(Effect.succeed(child)))
      }),
      (child) =>
        Effect.callback<void>((done) => {
          if (child.exitCode !== null || child.signalCode !== null) return done(Effect.void)
          const { end, ended } = ending(child)
          child.once("exit", () => {
            ended()
            done(Effect.void)
          })
          end()
        })
    )
    const timer = setTimeout(() => ending(child).end(), patience)
    yield* Effect.addFinalizer(() => Effect.sync(() => clearTimeout(timer)))
    return child
  })

  const answer = (output: Readable): GitResponse["body"] =>
    NodeStream.fromReadable({
      evaluate: () => output,
      onError: (cause) => broken(500, `git http-backend broke off: ${String(cause)}`)
    })

  /** Gives the body to the program as it comes. */
  const feed = (child: { stdin: NodeJS.WritableStream }, body: GitRequest["body"]) =>
    Stream.runForEach(body, (bytes) =>
      Effect.callback<void>((resume) => {
        child.stdin.write(bytes, () => resume(Effect.void))
      })
    ).pipe(Effect.ignore, Effect.andThen(Effect.sync(() => void child.stdin.end())))

  const read = Effect.fnUntraced(function* (request: GitRequest, folder: string) {
    yield* Effect.acquireRelease(places.take(1), () => places.release(1), { interruptible: true })
    const child = yield* start(request, folder, null, 60 * 60_000)
    yield* Effect.forkScoped(feed(child, request.body), { startImmediately: true })
    const { headers, status } = yield* readHead(child.stdout)
    return { status, headers, body: answer(child.stdout) }
  })

  /** Keeps the whole body in a file, so that a slow client holds up nobody else; gone with the scope. */
  const spool = Effect.fnUntraced(function* (folder: string, body: GitRequest["body"]) {
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `push-${process.pid}-${++spools}`)
    yield* Effect.addFinalizer(() => Effect.promise(() => rm(file, { force: true })))
    const failed = (cause: unknown) => broken(507, `the push cannot be kept: ${String(cause)}`)
    yield* Effect.acquireUseRelease(
      Effect.tryPromise({ try: () => open(file, "wx", 0o600), catch: failed }),
      (handle) => {
        let size = 0
        return Stream.runForEach(
          Stream.mapError(body, () => broken(400, "the push broke off")),
          (bytes) => {
            size += bytes.length
            if (size > mostBytes) return Effect.fail(broken(413, `a push may have ${mostBytes / 2 ** 30} GiB at most`))
            return Effect.tryPromise({ try: () => handle.writeFile(bytes), catch: failed })
          }
        )
      },
      (handle) => Effect.promise(() => handle.close())
    )
    return { file, size: (yield* Effect.tryPromise({ try: () => stat(file), catch: failed })).size }
  })

  const report = Effect.fnUntraced(function* (
    request: GitRequest,
    folder: string,
    spooled: { file: string; size: number }
  ) {
    const child = yield* start(request, folder, spooled.size, 10 * 60_000)
    const input = createReadStream(spooled.file)
    yield* Effect.addFinalizer(() => Effect.sync(() => input.destroy()))
    input.on("error", () => child.stdin.end()).pipe(child.stdin)
    const head = yield* readHead(child.stdout)
    let size = 0
    const chunks = yield* answer(child.stdout).pipe(
      Stream.takeWhile((bytes) => (size += bytes.length) <= mostReport),
      Stream.runCollect
    )
    return { ...head, body: Stream.fromIterable(chunks) } satisfies GitResponse
  })

  /** A push: taken whole first, then run in the repository's turn; it is answered once its events are durable. */
  const receive = Effect.fnUntraced(function* (request: GitRequest, by: By, root: string) {
    const spooled = yield* spool(incoming(root), request.body)
    return yield* turns.in(request.repository, (turn) => {
      const run = Effect.scoped(report(request, turn.folder, spooled))
      // The client tries with nothing at first, to see whether it may.
      if (spooled.size <= 4) return run
      return turn.changing({ by, changes: [], mark: null, merge: null, quiet: false }, run)
    })
  })

  return Effect.fn("LocalForge.serveGit")(function* (
    request: GitRequest
  ): Effect.fn.Return<GitResponse, GitServingFailed | ForgeError, Scope.Scope> {
    const folder = yield* existing(root, request.repository)
    if (request.path !== "git-receive-pack") return yield* read(request, folder)
    if (request.login === null || root === null) return yield* broken(401, "who pushes?")
    const by = yield* Effect.mapError(parts.standing.person(request.login), (error) => broken(403, error.message))
    return yield* receive(request, by, root)
  })
}
