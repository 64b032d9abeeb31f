import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { execFile } from "node:child_process"
import { createServer } from "node:http"
import * as GitHttp from "../../../../src/app/gitHttp.ts"
import { ServerSettings } from "../../../../src/app/serverAddress.ts"
import { LocalForge, type LocalForgeOptions } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { Folders, onGit, repository } from "./OnGit.ts"

/** Where the forge of a test is served. */
export class Served extends Context.Service<Served, { readonly url: string; readonly port: number }>()(
  "test/adapters/forge/local/Served"
) {}

const served = Layer.effect(
  Served,
  Effect.map(HttpServer.HttpServer, ({ address }) => {
    const port = "port" in address ? address.port : 0
    return { url: `http://127.0.0.1:${port}`, port }
  })
)

/** A local forge that git reaches over HTTP; with a token, pushes need it. */
export const onHttp = (options: LocalForgeOptions & { readonly token?: string; readonly host?: string } = {}) => {
  const settings = Layer.succeed(ServerSettings, {
    host: options.host ?? "127.0.0.1",
    port: 0,
    token: options.token === undefined ? null : Redacted.make(options.token),
    repository
  })
  const server = NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0, gracefulShutdownTimeout: 0 })
  return served.pipe(
    Layer.provideMerge(HttpRouter.serve(GitHttp.layer, { disableLogger: true, disableListenLog: true })),
    Layer.provide(server),
    Layer.provide(settings),
    Layer.provideMerge(onGit(options))
  )
}

/** Serves a forge that is there already, for the scope. */
export const serveOnly = (forge: LocalForge["Service"]) => {
  const settings = { host: "127.0.0.1", port: 0, token: null, repository }
  return Effect.map(
    Layer.build(
      served.pipe(
        Layer.provideMerge(HttpRouter.serve(GitHttp.layer, { disableLogger: true, disableListenLog: true })),
        Layer.provide(
          NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0, gracefulShutdownTimeout: 0 })
        ),
        Layer.provide(Layer.succeed(ServerSettings, settings)),
        Layer.provide(Layer.succeed(LocalForge, forge))
      )
    ),
    Context.get(Served)
  )
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs git as a person does, without blocking who serves it. */
export const gitAs = (
  folder: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Ran> =>
  Effect.callback((resume) => {
    const child = execFile(
      "git",
      ["-C", folder, ...args],
      {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: "/nonexistent",
          LC_ALL: "C",
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: "/dev/null",
          GIT_TERMINAL_PROMPT: "0",
          GIT_AUTHOR_NAME: "mona",
          GIT_AUTHOR_EMAIL: "mona@example.com",
          GIT_COMMITTER_NAME: "mona",
          GIT_COMMITTER_EMAIL: "mona@example.com",
          ...env
        },
        maxBuffer: 64 * 1024 * 1024
      },
      (error, stdout, stderr) =>
        resume(
          Effect.succeed({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
        )
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** The address of `acme/app` for this person, or for nobody. */
export const urlFor = (login: string | null, password = "any") =>
  Effect.map(
    Served,
    ({ url }) => `${login === null ? url : url.replace("http://", `http://${login}:${password}@`)}/${repository}.git`
  )

/** Pushes what the person's clone has, as that person; gives what git said. */
export const pushAs = Effect.fnUntraced(function* (login: string | null, ...refspecs: ReadonlyArray<string>) {
  const { clone } = yield* Folders
  return yield* gitAs(clone, ["push", yield* urlFor(login), ...refspecs])
})
