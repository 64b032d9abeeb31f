import { Cache, Clock, Context, Duration, Effect, Exit, Layer, Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import { makeAnswerCache } from "./answerCache.ts"
import { type Account, type Auth, makeCredentials } from "./credentials.ts"
import { decodeAnswer, decodeValue } from "./decodeAnswer.ts"
import { type Ask, makeExchange, nameOf } from "./exchange.ts"
import { type Answer, faultOf, GitHubFault } from "./fault.ts"
import { type Listing, readPages } from "./pages.ts"

export type ClientOptions = {
  /** Without a slash at its end; https://api.github.com unless told. */
  readonly apiUrl?: string | undefined
  readonly auth: Auth
  /** The least time between two writes of one account; 1 s, as GitHub asks, unless told. */
  readonly pause?: Duration.Input | undefined
}

const graphqlUrl = (apiUrl: string): string => `${apiUrl.replace(/\/v3$/, "")}/graphql`

const GraphqlAnswer = Schema.Struct({
  data: Schema.optionalKey(Schema.Unknown),
  errors: Schema.optionalKey(
    Schema.Array(Schema.Struct({ type: Schema.optionalKey(Schema.String), message: Schema.String }))
  )
})

/**
 * GitHub's API, within its limits. Paths begin with a slash; one of a repository is asked for by the account of its
 * owner, any other by the given one.
 */
export class GitHubClient extends Context.Service<
  GitHubClient,
  {
    /** Asks conditionally: what GitHub says is unchanged costs nothing of the budget. */
    get<A>(path: string, schema: Schema.ConstraintDecoder<A>, account?: Account): Effect.Effect<A, GitHubFault>
    /** A whole list, or a fault; at most 100 pages. */
    list<P, A>(path: string, listing: Listing<P, A>, account?: Account): Effect.Effect<ReadonlyArray<A>, GitHubFault>
    /** Changes something, when it is the account's turn. */
    write<A>(
      method: "POST" | "PATCH" | "PUT" | "DELETE",
      path: string,
      body: unknown,
      schema: Schema.ConstraintDecoder<A>
    ): Effect.Effect<A, GitHubFault>
    /** A GraphQL query about a repository. Where GitHub cannot answer all of it, what it did answer. */
    query<A>(
      repository: string,
      query: string,
      variables: unknown,
      schema: Schema.ConstraintDecoder<A>
    ): Effect.Effect<A, GitHubFault>
    /** A GraphQL mutation, when it is the account's turn. */
    mutate(repository: string, query: string, variables: unknown): Effect.Effect<void, GitHubFault>
    /** Our own name as GitHub shows it on what we write in this repository. */
    login(repository: string): Effect.Effect<string, GitHubFault>
    /** A token for git. */
    token(repository: string): Effect.Effect<Redacted.Redacted<string>, GitHubFault>
    /** How many times slower than usual the account of a repository should go. */
    slowness(repository: string): Effect.Effect<number, GitHubFault>
    /** The app itself, or null where the client has a token only. */
    readonly app: Account | null
    installation(id: number): Account | null
  }
>()("squadron/adapters/forge/github/GitHubClient") {
  static readonly layer = (options: ClientOptions): Layer.Layer<GitHubClient, never, HttpClient.HttpClient> =>
    Layer.effect(GitHubClient, make(options))
}

const User = Schema.Struct({ login: Schema.NonEmptyString })
const App = Schema.Struct({ slug: Schema.NonEmptyString })
const Viewer = Schema.Struct({ viewer: User })

const repositoryOf = (path: string): string | null => /^\/repos\/([^/]+\/[^/?]+)/.exec(path)?.[1] ?? null

const make = Effect.fnUntraced(function* (options: ClientOptions) {
  const apiUrl = (options.apiUrl ?? "https://api.github.com").replace(/\/+$/, "")
  const pause = Duration.fromInputUnsafe(options.pause ?? "1 second")
  const exchange = yield* makeExchange
  const credentials = yield* makeCredentials({ apiUrl, auth: options.auth, pause, exchange })
  const answers = makeAnswerCache({ entries: 2000, characters: 32 * 1024 * 1024 })

  const accountFor = (path: string, account?: Account): Effect.Effect<Account, GitHubFault> => {
    // a name such as `..` would lead elsewhere
    if (/\/\.{1,2}(?:[/?]|$)/.test(path)) {
      const reason = "there is no such address"
      return Effect.fail(new GitHubFault({ request: path, status: null, reason, retryable: false, retryAfter: null }))
    }
    if (account !== undefined) return Effect.succeed(account)
    const repository = repositoryOf(path)
    if (repository !== null) return credentials.accountOf(repository)
    return credentials.app === null ? credentials.accountOf("") : Effect.succeed(credentials.app)
  }

  /** Sends it with the account's token; once more with a new one where GitHub does not take the old. */
  const send = Effect.fnUntraced(function* (account: Account, ask: Omit<Ask, "authorization">, resource = "core") {
    const request = nameOf(ask.method, ask.url)
    const once = Effect.gen(function* () {
      yield* account.budget.check(request, resource)
      const token = yield* account.token
      const authorization = Redacted.make(`Bearer ${Redacted.value(token)}`)
      const answer = yield* exchange({ ...ask, authorization })
      account.budget.observe(answer, resource, yield* Clock.currentTimeMillis)
      return { answer, token }
    })
    const first = yield* once
    if (first.answer.status === 401 && (yield* account.renew(first.token))) return (yield* once).answer
    return first.answer
  })

  const accepted = Effect.fnUntraced(function* (request: string, answer: Answer) {
    if (answer.status >= 200 && answer.status <= 299) return answer
    return yield* faultOf(request, answer, yield* Clock.currentTimeMillis)
  })

  const read = Effect.fnUntraced(function* (account: Account, url: string) {
    const key = `${account.key} ${url}`
    const kept = answers.get(key)
    yield* account.pace.read
    const headers = kept === undefined ? undefined : { "if-none-match": kept.etag }
    const answer = yield* send(account, { method: "GET", url, headers })
    if (answer.status === 304 && kept !== undefined) return kept
    const { headers: found, text } = yield* accepted(nameOf("GET", url), answer)
    const fresh = { etag: found["etag"] ?? "", text, link: found["link"] }
    if (fresh.etag === "") answers.drop(key)
    else answers.put(key, fresh)
    return fresh
  })

  const graphql = Effect.fnUntraced(function* (account: Account, query: string, variables: unknown) {
    const url = graphqlUrl(apiUrl)
    const request = nameOf("POST", url)
    const answer = yield* send(account, { method: "POST", url, body: { query, variables } }, "graphql")
    const { data, errors = [] } = yield* decodeAnswer(request, (yield* accepted(request, answer)).text, GraphqlAnswer)
    const limited = errors.some(({ type = "" }) => type.startsWith("RATE_LIMIT"))
    const problem = errors.map(({ message }) => message).join("; ")
    if (limited || ((data ?? null) === null && problem !== "")) {
      return yield* new GitHubFault({
        request,
        status: answer.status,
        reason: problem,
        retryable: limited,
        retryAfter: limited ? 60_000 : null
      })
    }
    return { request, data, problem }
  })

  const get = Effect.fn("GitHubClient.get")(function* <A>(
    path: string,
    schema: Schema.ConstraintDecoder<A>,
    account?: Account
  ) {
    const url = `${apiUrl}${path}`
    const { text } = yield* read(yield* accountFor(path, account), url)
    return yield* decodeAnswer(nameOf("GET", url), text, schema)
  })

  const query = Effect.fn("GitHubClient.query")(function* <A>(
    repository: string,
    text: string,
    variables: unknown,
    schema: Schema.ConstraintDecoder<A>
  ) {
    const account = yield* credentials.accountOf(repository)
    yield* account.pace.read
    const { data, request } = yield* graphql(account, text, variables)
    return yield* decodeValue(request, data, schema)
  })

  // A token that belongs to no user, such as a workflow's, may not ask who it is by REST.
  const ownName = (repository: string): Effect.Effect<string, GitHubFault> =>
    options.auth._tag === "app"
      ? Effect.map(get("/app", App), ({ slug }) => `${slug}[bot]`)
      : Effect.catch(
          Effect.map(get("/user", User), ({ login }) => login),
          (fault) =>
            fault.status === 403 && !fault.retryable
              ? Effect.map(query(repository, "query { viewer { login } }", {}, Viewer), ({ viewer }) => viewer.login)
              : Effect.fail(fault)
        )
  const names = yield* Cache.makeWith((repository: string) => ownName(repository), {
    capacity: 1000,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)
  })

  return GitHubClient.of({
    get,
    list: Effect.fn("GitHubClient.list")(function* (path, listing, account) {
      const who = yield* accountFor(path, account)
      return yield* readPages(`${apiUrl}${path}`, listing, (url) => read(who, url))
    }),
    write: Effect.fn("GitHubClient.write")(function* (method, path, body, schema) {
      const account = yield* accountFor(path)
      const url = `${apiUrl}${path}`
      const request = nameOf(method, url)
      const answer = yield* account.pace.write(request, send(account, { method, url, body }))
      return yield* decodeAnswer(request, (yield* accepted(request, answer)).text, schema)
    }),
    query,
    mutate: Effect.fn("GitHubClient.mutate")(function* (repository, text, variables) {
      const account = yield* credentials.accountOf(repository)
      const { problem, request } = yield* account.pace.write("POST /graphql", graphql(account, text, variables))
      if (problem !== "") {
        return yield* new GitHubFault({ request, status: 200, reason: problem, retryable: false, retryAfter: null })
      }
    }),
    login: (repository) => Cache.get(names, repository),
    token: (repository) => Effect.flatMap(credentials.accountOf(repository), ({ token }) => token),
    slowness: Effect.fn("GitHubClient.slowness")(function* (repository) {
      const { budget } = yield* credentials.accountOf(repository)
      return budget.slowness(yield* Clock.currentTimeMillis)
    }),
    app: credentials.app,
    installation: (id) => credentials.installation?.(id) ?? null
  })
})
