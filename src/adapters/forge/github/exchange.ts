import { Effect, Redacted, Semaphore } from "effect"
import { HttpClient, HttpClientRequest, type HttpMethod } from "effect/http"
import { type Answer, GitHubFault } from "./fault.ts"

/** Requests under way at once, of all accounts together. */
const width = 10
const patience = "30 seconds"

export type Ask = {
  readonly method: HttpMethod.HttpMethod
  /** Absolute. */
  readonly url: string
  /** The `Authorization` header. */
  readonly authorization: Redacted.Redacted<string>
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Becomes JSON. */
  readonly body?: unknown
}

// Half a character would make the whole body unreadable to GitHub.
const wellFormed = (_: string, value: unknown): unknown => (typeof value === "string" ? value.toWellFormed() : value)

/** Method and path of a request, for people. */
export const nameOf = (method: string, url: string): string => {
  const { pathname, search } = new URL(url)
  return `${method} ${pathname}${search}`
}

const noAnswer = (request: string, reason: string) =>
  new GitHubFault({ request, status: null, reason, retryable: true, retryAfter: null })

/**
 * Sends requests to GitHub: at most ten at once, each with the headers that GitHub asks for and 30 seconds for the whole
 * answer. Any answer is a success here.
 */
export const makeExchange = Effect.gen(function* () {
  const http = yield* HttpClient.HttpClient
  const room = yield* Semaphore.make(width)

  return Effect.fnUntraced(function* (ask: Ask): Effect.fn.Return<Answer, GitHubFault> {
    const name = nameOf(ask.method, ask.url)
    const bare = HttpClientRequest.make(ask.method)(ask.url, {
      headers: {
        accept: "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        "user-agent": "squadron",
        authorization: Redacted.value(ask.authorization),
        ...ask.headers
      }
    })
    const request =
      ask.body === undefined
        ? bare
        : HttpClientRequest.bodyText(bare, JSON.stringify(ask.body, wellFormed), "application/json")
    const answer = Effect.flatMap(http.execute(request), (response) =>
      Effect.map(response.text, (text): Answer => ({
        status: response.status,
        headers: response.headers,
        text
      }))
    )
    return yield* answer.pipe(
      Effect.mapError(({ reason }) => {
        const cause = "cause" in reason && reason.cause instanceof Error ? (reason.cause.cause ?? reason.cause) : null
        return noAnswer(name, `GitHub cannot be reached (${cause instanceof Error ? cause.message : reason._tag})`)
      }),
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(noAnswer(name, `no answer within ${patience}`))
      }),
      room.withPermit,
      Effect.provideService(HttpClient.TracerPropagationEnabled, false)
    )
  })
})

export type Exchange = Effect.Success<typeof makeExchange>
