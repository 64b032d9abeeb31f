import { Context, Effect, type Redacted, Runtime, Schema } from "effect"
import { CliError } from "effect/cli"

/** The server would be open to other machines without a token. */
export class UnsafeAddress extends Schema.TaggedError<UnsafeAddress>()("UnsafeAddress", { host: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return `${this.host} can be reached from other machines, so it needs a token: set SQUADRON_TOKEN, or use --host 127.0.0.1.`
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

/** Whether only this machine can reach the host. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

/** What the HTTP server is told by the configuration. */
export class ServerSettings extends Context.Service<
  ServerSettings,
  {
    readonly host: string
    /** 0 for any free port. */
    readonly port: number
    /** Required of every request but health and webhooks; null for none, which only a loopback host may have. */
    readonly token: Redacted.Redacted<string> | null
    /** What the command line means when it names no repository. */
    readonly repository: string
  }
>()("squadron/app/ServerSettings") {}

/** The settings, unless the host is open to other machines and there is no token. */
export const checked = (settings: ServerSettings["Service"]): Effect.Effect<ServerSettings["Service"], UnsafeAddress> =>
  settings.token === null && !isLoopback(settings.host)
    ? Effect.fail(new UnsafeAddress({ host: settings.host }))
    : Effect.succeed(settings)
