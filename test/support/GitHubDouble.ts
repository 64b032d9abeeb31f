import { Clock, Effect, Redacted, type Scope } from "effect"
import { createHash, generateKeyPairSync } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Auth } from "../../src/adapters/forge/github/credentials.ts"
import { accountRoutes } from "./github/accountRoutes.ts"
import { checkRoutes } from "./github/checkRoutes.ts"
import { serveGit } from "./github/gitBackend.ts"
import { commitFiles, git } from "./github/gitCommands.ts"
import { answerGraphql } from "./github/graphqlRoute.ts"
import { issueRoutes } from "./github/issueRoutes.ts"
import { principalOf } from "./github/principal.ts"
import { pullRoutes } from "./github/pullRoutes.ts"
import { type Asked, notFound, type Reply } from "./github/Route.ts"
import { type Principal, type Repository, repositoryOf, type State } from "./github/State.ts"

/** One request as it came. */
export type Seen = {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly authorization: string
  readonly headers: IncomingMessage["headers"]
  /** What it was answered; 0 where the connection was dropped. */
  status: number
}

/** Something that goes wrong: with the next `times` requests that `when` finds. */
export type Fault = {
  readonly when: (method: string, path: string) => boolean
  /** An answer instead of the real one; or the connection is dropped, before or after the request was done; or no answer ever. */
  readonly what: Reply | "drop before" | "drop after" | "hang"
  times: number
}

export type GitHubDouble = {
  readonly apiUrl: string
  readonly webUrl: string
  readonly state: State
  readonly repository: Repository
  /** Squadron's mirror: a bare clone of the repository, whose objects it has. */
  readonly mirror: string
  readonly seen: Array<Seen>
  readonly faults: Array<Fault>
  /** What is left of each account's requests, and of how many. */
  readonly budget: { limit: number; remaining: number; resetAt: number }
  /** Turns GraphQL off, as a server that has none. */
  graphql: boolean
  readonly token: Auth
  readonly app: Auth
  addRepository(name: string): Repository
}

const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" }
})

/** The account that the token is of. */
const botLogin = "squadron-bot"
const never = Number.MAX_SAFE_INTEGER

const readBody = (request: IncomingMessage, done: (body: string) => void): void => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => done(Buffer.concat(chunks).toString("utf8")))
}

/** The reply to what was asked, by the first route that fits. */
const route = (asked: Omit<Asked, "parts">, method: string, path: string, graphql: boolean): Reply => {
  if (path === "/graphql") return graphql ? answerGraphql({ ...asked, parts: [] }) : notFound
  for (const { answer, method: wanted, path: pattern } of accountRoutes) {
    const found = pattern.exec(path)
    if (found !== null && wanted === method) return answer({ ...asked, parts: found.slice(1) })
  }
  const [, name = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? []
  const repository = repositoryOf(asked.state, name)
  const { app, owner } = asked.who
  if (repository === undefined || app || (owner !== null && !name.toLowerCase().startsWith(`${owner}/`)))
    return notFound
  if (rest === "") return { status: 200, body: { full_name: repository.name, default_branch: "main" } }
  for (const { answer, method: wanted, path: pattern } of [...issueRoutes, ...pullRoutes, ...checkRoutes]) {
    const found = pattern.exec(rest)
    if (found !== null && wanted === method) return answer({ ...asked, repository, parts: found.slice(1) })
  }
  return notFound
}

/**
 * GitHub in this process: issues, pull requests, reviews, checks, permissions, apps and deliveries over HTTP, on a real
 * bare repository that git reaches by the same address. It has one repository, `acme/app`, with one commit on `main`, and
 * uses the clock of who makes it.
 */
export const makeGitHubDouble: Effect.Effect<GitHubDouble, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "github-double-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  const state: State = {
    repositories: new Map(),
    tokens: new Map(),
    deliveries: [],
    appLogin: "squadron[bot]",
    issued: 0,
    now: () => clock.currentTimeMillisUnsafe(),
    lastId: 100
  }
  const person: Principal = { login: botLogin, owner: null, app: false }
  state.tokens.set("ghp_double", { ...person, expiresAt: never })

  const addRepository = (name: string): Repository => {
    const folder = join(root, "git", `${name}.git`)
    mkdirSync(folder, { recursive: true })
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    git(folder, "config", "http.receivepack", "true")
    commitFiles(folder, "main", { "README.md": "one\ntwo\nthree\n" }, "first")
    const repository: Repository = {
      name,
      folder,
      issues: [],
      statuses: [],
      runs: [],
      permissions: new Map([
        ["mona", { permission: "admin", role: "admin" }],
        ["hubot", { permission: "write", role: "write" }],
        [botLogin, { permission: "write", role: "write" }]
      ])
    }
    state.repositories.set(name.toLowerCase(), repository)
    return repository
  }
  const repository = addRepository("acme/app")
  const mirror = join(root, "mirror.git")
  git(root, "clone", "--quiet", "--mirror", repository.folder, mirror)

  const seen: Array<Seen> = []
  const faults: Array<Fault> = []
  const budget = { limit: 5000, remaining: 5000, resetAt: state.now() + 3_600_000 }

  const send = (response: ServerResponse, entry: Seen, reply: Reply, counted: boolean): void => {
    const text = reply.body === undefined ? "" : JSON.stringify(reply.body).replace(/"id":"(\d{16,})"/g, '"id":$1')
    const etag = `"${createHash("sha256").update(`${entry.authorization}${text}`).digest("hex").slice(0, 32)}"`
    const isUnchanged = entry.method === "GET" && reply.status === 200 && entry.headers["if-none-match"] === etag
    if (counted && !isUnchanged && budget.remaining > 0) budget.remaining--
    entry.status = isUnchanged ? 304 : reply.status
    response.writeHead(entry.status, {
      "content-type": "application/json; charset=utf-8",
      date: new Date(state.now()).toUTCString(),
      "x-ratelimit-limit": String(budget.limit),
      "x-ratelimit-remaining": String(budget.remaining),
      "x-ratelimit-reset": String(Math.ceil(budget.resetAt / 1000)),
      "x-ratelimit-resource": entry.path === "/graphql" ? "graphql" : "core",
      ...(entry.method === "GET" && reply.status === 200 ? { etag } : {}),
      ...reply.headers
    })
    response.end(isUnchanged || reply.status === 204 ? undefined : text)
  }

  const double: Omit<GitHubDouble, "apiUrl" | "webUrl"> = {
    state,
    repository,
    mirror,
    seen,
    faults,
    budget,
    graphql: true,
    token: { _tag: "token", token: Redacted.make("ghp_double") },
    app: { _tag: "app", id: 7, privateKey: Redacted.make(key.privateKey) },
    addRepository
  }

  const takeFault = (method: string, path: string): Fault["what"] | null => {
    const fault = faults.find(({ times, when }) => times > 0 && when(method, path))
    if (fault === undefined) return null
    fault.times--
    return fault.what
  }

  const answer = (request: IncomingMessage, response: ServerResponse, text: string, origin: string): void => {
    const method = request.method ?? "GET"
    const path = request.url ?? "/"
    const url = new URL(path, origin)
    const authorization = request.headers.authorization ?? ""
    const entry: Seen = { method, path, authorization, headers: request.headers, status: 0 }
    seen.push(entry)
    const what = takeFault(method, path)
    if (what === "hang") return
    if (what === "drop before") return void response.destroy()
    if (what !== null && what !== "drop after") return send(response, entry, what, true)
    if (budget.remaining <= 0) {
      const message = "API rate limit exceeded for this account."
      return send(response, entry, { status: 403, body: { message } }, false)
    }
    const who = principalOf(state, authorization, key.publicKey)
    if (who === null) return send(response, entry, { status: 401, body: { message: "Bad credentials" } }, false)
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)
    const reply = route({ state, who, query: url.searchParams, body, url }, method, url.pathname, double.graphql)
    if (what === "drop after") return void response.destroy()
    send(response, entry, reply, true)
  }

  const origin = yield* Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: (done: () => void) => void }>((resume) => {
      const server = createServer((request, response) => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        if (/\.git\//.test(request.url ?? "")) {
          const who = principalOf(state, request.headers.authorization, key.publicKey)
          seen.push({
            method: request.method ?? "GET",
            path: request.url ?? "/",
            authorization: request.headers.authorization ?? "",
            headers: request.headers,
            status: who === null ? 401 : 200
          })
          if (who === null) {
            response.writeHead(401, { "www-authenticate": 'Basic realm="GitHub"' }).end()
            return
          }
          return serveGit(join(root, "git"), request, response, who.login)
        }
        readBody(request, (text) => answer(request, response, text, `http://127.0.0.1:${port}`))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            close: (done) => {
              server.close(() => done())
              server.closeAllConnections()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.callback<void>((resume) => close(() => resume(Effect.void)))
  )

  return Object.assign(double, { apiUrl: origin.url, webUrl: origin.url })
})
