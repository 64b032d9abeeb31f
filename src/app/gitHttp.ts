/** Git over HTTP: `/owner/name.git` of the local forge can be cloned, fetched from and pushed to. */
import { Effect, type Layer, Redacted, Result, Stream } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { createHash, timingSafeEqual } from "node:crypto"
import type { GitRequest } from "../adapters/forge/local/HttpBackend.ts"
import { LocalForge } from "../adapters/forge/local/LocalForge.ts"
import { maySteer } from "../domain/Trust.ts"
import { isLoopback, ServerSettings } from "./serverAddress.ts"

/** Git shows the lines of a plain text to whoever runs it. */
const say = (status: number, text: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(`${text}\n`, { status, headers: { "cache-control": "no-cache", ...headers } })

const unauthorized = (text: string) => say(401, text, { "www-authenticate": 'Basic realm="Squadron", charset="UTF-8"' })

const wrongToken = "The password must be Squadron's token (SQUADRON_TOKEN)."

type Credentials = { readonly login: string; readonly secret: string }

/** Who asks, by `Authorization: Basic`; a bearer's token has no name. */
const credentialsOf = (header: string): Credentials => {
  const [, scheme = "", value = ""] = /^(Basic|Bearer) +(\S+) *$/i.exec(header) ?? []
  if (scheme.toLowerCase() === "bearer") return { login: "", secret: value }
  const text = Buffer.from(value, "base64").toString("utf8")
  const colon = text.indexOf(":")
  return {
    login: (colon === -1 ? text : text.slice(0, colon)).trim(),
    secret: colon === -1 ? "" : text.slice(colon + 1)
  }
}

const digest = (text: string) => createHash("sha256").update(text).digest()

/** Takes the same time whatever the difference. */
const same = (given: string, wanted: Redacted.Redacted<string>): boolean =>
  timingSafeEqual(digest(given), digest(Redacted.value(wanted)))

type Served = { readonly forge: LocalForge["Service"]; readonly settings: ServerSettings["Service"] }

/** The person who may push, or the refusal. */
const pusher = Effect.fnUntraced(function* (
  { forge, settings: { token } }: Served,
  repository: string,
  host: string,
  { login, secret }: Credentials
) {
  if (login === "") {
    const password = token === null ? "any password" : "Squadron's token as the password"
    return Result.fail(
      unauthorized(`Who pushes? Name yourself with ${password}, as in http://mona@${host}/${repository}.git`)
    )
  }
  if (token !== null && !same(secret, token)) return Result.fail(unauthorized(wrongToken))
  const trust = yield* forge.trust(repository, login)
  if (maySteer(trust)) return Result.succeed(login)
  return Result.fail(say(403, `${login} may not push to ${repository}: that wants write access, not ${trust}.`))
})

/** Whether it may be read: what only this machine reaches is open to all of it. */
const mayRead = ({ settings: { host, token } }: Served, { secret }: Credentials): boolean =>
  isLoopback(host) || token === null || same(secret, token)

const queryOf = (url: string): string => {
  const at = url.indexOf("?")
  return at === -1 ? "" : url.slice(at + 1)
}

const noRepository = (repository: string, all: ReadonlyArray<string>) => {
  const others = all.length === 0 ? "there is none" : `there ${all.length === 1 ? "is" : "are"} ${all.join(", ")}`
  return say(404, `There is no git repository ${repository} here; ${others}.`)
}

const answer = (served: Served, path: GitRequest["path"]) =>
  Effect.fn("gitHttp.answer")(
    function* (request: HttpServerRequest.HttpServerRequest) {
      const { forge } = served
      const { authorization = "", host = "" } = request.headers
      const { name = "", owner = "" } = yield* HttpRouter.params
      const repository = `${owner}/${name.replace(/\.git$/, "")}`
      const query = queryOf(request.url)
      const service = path === "info/refs" ? new URLSearchParams(query).get("service") : path
      if (service !== "git-upload-pack" && service !== "git-receive-pack") {
        return say(403, "Only git's smart protocol is spoken here; any git since 1.6.6 speaks it.")
      }
      const credentials = credentialsOf(authorization)
      if (!mayRead(served, credentials)) return unauthorized(wrongToken)
      const all = yield* forge.repositories
      if (!all.includes(repository)) return noRepository(repository, all)
      const push =
        service === "git-receive-pack"
          ? yield* pusher(served, repository, host, credentials)
          : Result.succeed<string | null>(null)
      if (Result.isFailure(push)) return push.failure
      const encoding = (request.headers["content-encoding"] ?? "").toLowerCase()
      if (!["", "gzip", "x-gzip"].includes(encoding)) return say(415, `The encoding ${encoding} is not understood.`)
      const { body, headers, status } = yield* forge.serveGit({
        repository,
        path,
        query,
        contentType: request.headers["content-type"] ?? "",
        contentEncoding: encoding,
        protocol: request.headers["git-protocol"] ?? "",
        login: push.success,
        body: path === "info/refs" ? Stream.empty : request.stream
      })
      const contentType = headers["content-type"] ?? "application/octet-stream"
      return HttpServerResponse.stream(body, { status, headers, contentType })
    },
    Effect.catch((error) =>
      Effect.succeed(
        error._tag === "GitServingFailed"
          ? say(error.status, error.message)
          : say(error.retryable ? 503 : 500, error.message)
      )
    )
  )

/**
 * Routes `/:owner/:name.git/…` of git's smart protocol, also without `.git`.
 *
 * Reading needs no token on a loopback address. Pushing wants a name, as the user of `Authorization: Basic`, with write
 * access; its password is the API's token where there is one, and anything where there is none.
 */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter | LocalForge | ServerSettings> = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const served: Served = { forge: yield* LocalForge, settings: yield* ServerSettings }
    yield* router.add("GET", "/:owner/:name/info/refs", answer(served, "info/refs"))
    yield* router.add("POST", "/:owner/:name/git-upload-pack", answer(served, "git-upload-pack"))
    yield* router.add("POST", "/:owner/:name/git-receive-pack", answer(served, "git-receive-pack"))
  })
)
