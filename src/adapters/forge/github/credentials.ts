import { Cache, Clock, Duration, Effect, Exit, Redacted, Schema } from "effect"
import { createSign } from "node:crypto"
import { type Budget, makeBudget } from "./budget.ts"
import { decodeAnswer } from "./decodeAnswer.ts"
import type { Exchange } from "./exchange.ts"
import { faultOf, GitHubFault, serverTime } from "./fault.ts"
import { makePace, type Pace } from "./pace.ts"

/** A token of a person or a machine account, or a GitHub App that is installed on the repositories. */
export type Auth =
  | { readonly _tag: "token"; readonly token: Redacted.Redacted<string> }
  | {
      readonly _tag: "app"
      readonly id: number
      /** In PEM. */
      readonly privateKey: Redacted.Redacted<string>
      /** The only installation that is used; else the one of each repository's owner. */
      readonly installation?: number | undefined
    }

/** Who asks GitHub, with what it may still ask. */
export type Account = {
  /** `token`, `app`, or `installation/` and its number. */
  readonly key: string
  readonly token: Effect.Effect<Redacted.Redacted<string>, GitHubFault>
  /** Gives up a token that GitHub does not take any more; false where there is no other. */
  readonly renew: (refused: Redacted.Redacted<string>) => Effect.Effect<boolean>
  readonly budget: Budget
  readonly pace: Pace
}

/** A token is not used in the last five minutes of its life; in milliseconds. */
const margin = 5 * 60_000

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A GitHub App's token for itself. Its clock may be a minute ahead of GitHub's; it ends within GitHub's ten minutes. */
const makeJwt = (id: number, privateKey: Redacted.Redacted<string>, now: number): Redacted.Redacted<string> => {
  const seconds = Math.floor(now / 1000)
  const claims = { iat: seconds - 60, exp: seconds + 480, iss: String(id) }
  const content = `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded(claims)}`
  const signature = createSign("RSA-SHA256").update(content).sign(Redacted.value(privateKey), "base64url")
  return Redacted.make(`${content}.${signature}`)
}

const Token = Schema.Struct({ token: Schema.NonEmptyString, expires_at: Schema.NonEmptyString })
const Installation = Schema.Struct({ id: Schema.Int })

type Fresh = { readonly token: Redacted.Redacted<string>; readonly life: number }

const ownerOf = (repository: string): string => repository.slice(0, repository.indexOf("/")).toLowerCase()

/** Knows who asks for what: each token is fetched once for all who wait for it, and again before it ends. */
export const makeCredentials = Effect.fnUntraced(function* (options: {
  readonly apiUrl: string
  readonly auth: Auth
  readonly pause: Duration.Duration
  readonly exchange: Exchange
}) {
  const { apiUrl, auth, exchange } = options
  const made = (key: string, account: Pick<Account, "token" | "renew">): Account => {
    const budget = makeBudget()
    return { key, budget, pace: makePace(options.pause, budget), ...account }
  }

  if (auth._tag === "token") {
    const account = made("token", { token: Effect.succeed(auth.token), renew: () => Effect.succeed(false) })
    return {
      app: null,
      accountOf: (_repository: string): Effect.Effect<Account, GitHubFault> => Effect.succeed(account),
      installation: null
    }
  }

  const jwt = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.try({
      try: () => makeJwt(auth.id, auth.privateKey, now),
      catch: () =>
        new GitHubFault({
          request: "the app's private key",
          status: null,
          reason: "it is no RSA key in PEM; download a new one from the app's settings",
          retryable: false,
          retryAfter: null
        })
    })
  )
  const app = made("app", { token: jwt, renew: () => Effect.succeed(false) })

  const asApp = Effect.fnUntraced(function* <A>(
    method: "GET" | "POST",
    path: string,
    schema: Schema.ConstraintDecoder<A>
  ) {
    const request = `${method} ${path}`
    yield* app.budget.check(request, "core")
    const authorization = Redacted.make(`Bearer ${Redacted.value(yield* jwt)}`)
    const answer = yield* exchange({ method, url: `${apiUrl}${path}`, authorization })
    const now = yield* Clock.currentTimeMillis
    app.budget.observe(answer, "core", now)
    if (answer.status < 200 || answer.status > 299) return yield* faultOf(request, answer, now)
    return { body: yield* decodeAnswer(request, answer.text, schema), sentAt: serverTime(answer.headers, now) }
  })

  // One installation is for all repositories of an owner; which one a repository is asked with tells of them all.
  const asked = new Map<string, string>()
  const installations = yield* Cache.makeWith(
    (owner: string): Effect.Effect<number, GitHubFault> =>
      Effect.map(
        asApp("GET", `/repos/${asked.get(owner) ?? ""}/installation`, Installation),
        ({ body }) => body.id
      ).pipe(
        Effect.mapError((fault) =>
          fault.status === 404
            ? new GitHubFault({ ...fault, reason: `the app is not installed for ${owner}, or not on this repository` })
            : fault
        )
      ),
    { capacity: 1000, timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.hours(1) : Duration.zero) }
  )

  const tokens = yield* Cache.makeWith(
    Effect.fnUntraced(function* (installation: number): Effect.fn.Return<Fresh, GitHubFault> {
      const path = `/app/installations/${installation}/access_tokens`
      const { body, sentAt } = yield* Effect.tapError(asApp("POST", path, Token), ({ status }) =>
        // it was removed, and may have been made anew
        Effect.when(Cache.invalidateAll(installations), Effect.succeed(status === 404))
      )
      return { token: Redacted.make(body.token), life: Date.parse(body.expires_at) - sentAt - margin }
    }),
    {
      capacity: 1000,
      timeToLive: (exit) => Duration.millis(Exit.isSuccess(exit) ? Math.max(0, exit.value.life) : 0)
    }
  )

  const accounts = new Map<number, Account>()
  const installation = (id: number): Account => {
    const known = accounts.get(id)
    if (known !== undefined) return known
    const account = made(`installation/${id}`, {
      token: Effect.map(Cache.get(tokens, id), ({ token }) => token),
      renew: (refused) =>
        Effect.as(
          Cache.invalidateWhen(tokens, id, ({ token }) => token === refused),
          true
        )
    })
    accounts.set(id, account)
    return account
  }

  return {
    app,
    accountOf: (repository: string): Effect.Effect<Account, GitHubFault> => {
      if (auth.installation !== undefined) return Effect.succeed(installation(auth.installation))
      const owner = ownerOf(repository)
      return Effect.suspend(() => {
        asked.set(owner, repository)
        return Effect.map(Cache.get(installations, owner), installation)
      })
    },
    installation
  }
})
