import { Schema } from "effect"
import { defaultPolicy, type Policy } from "../../domain/Role.ts"
import { Repository } from "../../domain/Subject.ts"
import { Count, CountOrZero, DurationOrZero, DurationText, millisOf, Names, VariableName } from "./quantities.ts"

/** Where `server.token` comes from when the file does not say. */
export const defaultTokenEnv = "SQUADRON_TOKEN"

/** Where the secret of GitHub's webhook comes from when the file does not say. */
export const defaultSecretEnv = "SQUADRON_GITHUB_WEBHOOK_SECRET"

const Server = Schema.Struct({
  host: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "Address to listen on; any but a loopback address requires a token. Default: 127.0.0.1.",
      expected: "a host name or an address",
      examples: ["127.0.0.1"]
    })
  ),
  port: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })).annotate({
      description: "Port to listen on; 0 takes any free one. Default: 7700.",
      expected: "a port from 0 to 65535",
      examples: [7700]
    })
  ),
  tokenEnv: Schema.optionalKey(
    VariableName.annotate({
      description: `Environment variable with the token that API, CLI and page must send. Default: ${defaultTokenEnv}, where it is set.`,
      examples: [defaultTokenEnv]
    })
  )
})

const GitHub = Schema.Struct({
  secretEnv: Schema.optionalKey(
    VariableName.annotate({
      description: `Environment variable with the webhook's secret. Default: ${defaultSecretEnv}; without it every delivery is refused.`,
      examples: [defaultSecretEnv]
    })
  ),
  ratePerMinute: Schema.optionalKey(
    CountOrZero.annotate({
      description: "Deliveries accepted in a minute; 0 for no limit. Default: 600.",
      examples: [600]
    })
  ),
  repositories: Schema.optionalKey(
    Schema.Array(Repository.annotate({ expected: "a repository as owner/name", examples: ["acme/app"] })).annotate({
      description: "Repositories whose events are accepted. Default: all.",
      expected: "a list of repositories",
      examples: [["acme/app"]]
    })
  ),
  installations: Schema.optionalKey(
    Schema.Array(Count).annotate({
      description: "Ids of the app's installations whose events are accepted. Default: all.",
      expected: "a list of installation ids",
      examples: [[12_345_678]]
    })
  ),
  botLogins: Schema.optionalKey(
    Names.annotate({
      description: "Logins that Squadron itself acts under, so that it knows its own doing. Default: none.",
      expected: "a list of logins",
      examples: [["squadron[bot]"]]
    })
  )
})

const times = (description: string, example: number) =>
  Schema.optionalKey(CountOrZero.annotate({ description: `${description} Default: ${example}.`, examples: [example] }))
const time = (description: string, example: string) =>
  Schema.optionalKey(DurationText.annotate({ description: `${description} Default: ${example}.`, examples: [example] }))

const PolicyFile = Schema.Struct({
  retries: times("Failures in a row that are tried again.", 3),
  retryBase: time("Wait before the first retry; each further one waits twice as long.", "10s"),
  retryMax: time("Longest wait before a retry.", "5m"),
  continueAfter: time("Wait before an agent goes on whose turn ended without an outcome.", "1s"),
  turnCaps: times("How often a used-up budget of turns is renewed.", 10),
  unproven: times("Completions in a row that their evidence may fail to bear out.", 3),
  denials: times("Turns in a row in which tools may be denied.", 3),
  standstill: times("Turns in a row in which nothing may change.", 3),
  maxDepth: times("Agents that may wake each other in a row before a person must act.", 8)
})

/** `.squadron/config.yaml`: every key is optional. */
export const ConfigFile = Schema.Struct({
  name: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?$/u)).annotate({
      description: "The name that people address in comments, without the @. Default: squadron.",
      expected: "a name without the @",
      examples: ["squadron"]
    })
  ),
  repository: Schema.optionalKey(
    Repository.annotate({
      description: "The repository of the local forge's issues. Default: local/<folder>.",
      expected: "a repository as owner/name",
      examples: ["acme/app"]
    })
  ),
  concurrency: Schema.optionalKey(
    Count.annotate({ description: "Agents that may run at once, of all roles together. Default: 10.", examples: [10] })
  ),
  server: Schema.optionalKey(Server.annotate({ description: "The HTTP server.", expected: "a map of keys" })),
  github: Schema.optionalKey(GitHub.annotate({ description: "What GitHub sends.", expected: "a map of keys" })),
  policy: Schema.optionalKey(
    PolicyFile.annotate({ description: "How ends of runs are answered.", expected: "a map of keys" })
  ),
  drainTimeout: Schema.optionalKey(
    DurationOrZero.annotate({
      description: "How long running turns may take to end when Squadron stops. Default: 30s.",
      examples: ["30s"]
    })
  ),
  stateDir: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "Folder of the database and all else that must last, relative to the project. Default: .squadron-state.",
      expected: "a folder",
      examples: [".squadron-state"]
    })
  )
}).annotate({ title: "Squadron configuration", expected: "a map of keys" })
export type ConfigFile = typeof ConfigFile.Type

/** The policy that the file asks for, defaults for the rest. */
export const policyOf = ({ policy = {} }: ConfigFile): Policy => {
  const { continueAfter, retryBase, retryMax, ...counts } = policy
  return {
    ...defaultPolicy,
    ...counts,
    ...(retryBase === undefined ? {} : { retryBase: millisOf(retryBase) }),
    ...(retryMax === undefined ? {} : { retryMax: millisOf(retryMax) }),
    ...(continueAfter === undefined ? {} : { continueAfter: millisOf(continueAfter) })
  }
}
