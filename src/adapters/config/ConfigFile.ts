import { Schema } from "effect"
import { MergeMethod } from "../../domain/Action.ts"
import { defaultPolicy, type Landing, type Policy } from "../../domain/Role.ts"
import { Repository } from "../../domain/Subject.ts"
import { Trust } from "../../domain/Trust.ts"
import { GitHub } from "./GitHubKeys.ts"
import {
  Count,
  CountOrZero,
  DurationOrForever,
  DurationOrZero,
  DurationText,
  hostList,
  millisOf,
  Names,
  SizeText,
  VariableName
} from "./quantities.ts"

/** Where `server.token` comes from when the file does not say. */
export const defaultTokenEnv = "SQUADRON_TOKEN"

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

const hook = (description: string) =>
  Schema.optionalKey(
    Schema.Union([
      Schema.NonEmptyString,
      Schema.NonEmptyArray(Schema.NonEmptyString.annotate({ expected: "a text that is not empty" }))
    ]).annotate({
      description: `${description} Default: none.`,
      expected: "a command line or a list of texts",
      examples: ["npm ci"]
    })
  )

const Workspaces = Schema.Struct({
  hooks: Schema.optionalKey(
    Schema.Struct({
      afterCreate: hook("Runs in each new workspace, such as `npm ci`; where it fails, the run does."),
      beforeRun: hook("Runs before each run; where it fails, the run does."),
      afterRun: hook("Runs after each run."),
      beforeRemove: hook("Runs before a workspace is removed.")
    }).annotate({ description: "Commands of yours in agents' workspaces.", expected: "a map of keys" })
  ),
  hookTimeout: Schema.optionalKey(
    DurationText.annotate({ description: "A hook's longest time. Default: 60s.", examples: ["60s"] })
  ),
  hookHosts: Schema.optionalKey(
    hostList(
      "Hosts that hooks reach from the sandbox, such as the registry that they install from. Default: none.",
      "packages.example.com"
    )
  ),
  sparse: Schema.optionalKey(
    Schema.Array(
      Schema.NonEmptyString.check(Schema.isPattern(/^(?!.*(?:^|\/)\.\.(?:\/|$))(?!\.?\/*$)[^\\*?[\]\n]+$/u)).annotate({
        expected: "a folder in the repository, without `..` and wildcards",
        examples: ["packages/app"]
      })
    ).annotate({
      description: "Folders to check out, besides the files at the top. Default: all.",
      examples: [["packages/app"]]
    })
  ),
  depth: Schema.optionalKey(
    Count.annotate({
      description: "Commits of each branch that a repository's first fetch brings. Default: all.",
      examples: [1000]
    })
  ),
  minFree: Schema.optionalKey(
    SizeText.annotate({
      description: "Disk space that must be free before a new workspace is made. Default: 1GiB.",
      examples: ["1GiB"]
    })
  ),
  retention: Schema.optionalKey(
    DurationText.annotate({
      description: "How long the workspace of an agent that is at rest is kept; its work stays in git. Default: 30d.",
      examples: ["30d"]
    })
  ),
  keepSaved: Schema.optionalKey(
    DurationOrForever.annotate({
      description:
        "How long saved work is kept of an agent that is done or cancelled, counted from its end or its newest saving, whichever is later. Default: 90d.",
      examples: ["90d"]
    })
  )
})

const Merge = Schema.Struct({
  method: Schema.optionalKey(
    MergeMethod.annotate({
      description: "How commits come to the base. Default: squash.",
      expected: "squash, merge or rebase",
      examples: ["squash"]
    })
  ),
  approvals: Schema.optionalKey(
    Names.annotate({
      description: "Roles that must approve the newest commit. Default: none.",
      examples: [["reviewer"]]
    })
  ),
  checks: Schema.optionalKey(
    Names.annotate({
      description: "Checks that must have succeeded on the newest commit, besides the gate of its role. Default: none.",
      examples: [["ci"]]
    })
  ),
  people: Schema.optionalKey(
    CountOrZero.annotate({ description: "People with write access who must approve. Default: 0.", examples: [1] })
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
  patience: time("How long an agent may be blocked, or wait for an answer, before a person is called.", "7d"),
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
  merge: Schema.optionalKey(
    Merge.annotate({
      description: "When Squadron merges agents' pull requests by itself. Default: it does not.",
      expected: "a map of keys"
    })
  ),
  source: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "What the local forge's repository is made from and follows: a git repository or a plain folder, relative to the project. Default: the project, where it is a git repository.",
      expected: "a folder",
      examples: ["."]
    })
  ),
  sandbox: Schema.optionalKey(
    Schema.Literals(["off", "auto", "required"]).annotate({
      description:
        "Whether coding agents, gates and hooks are shut in with bubblewrap: auto where it can be had, required never without. Default: auto.",
      expected: "off, auto or required",
      examples: ["auto"]
    })
  ),
  sandboxReadable: Schema.optionalKey(
    Schema.Array(
      Schema.String.check(Schema.isPattern(/^[^~].*$/u)).annotate({
        expected: "a folder; ~ is not known here",
        examples: ["/opt/tools"]
      })
    ).annotate({
      description:
        "Folders that programs in the sandbox may read besides the system's own, such as tools in a home folder. Default: none.",
      expected: "a list of folders",
      examples: [["/opt/tools"]]
    })
  ),
  workspaces: Schema.optionalKey(
    Workspaces.annotate({ description: "Agents' workspaces.", expected: "a map of keys" })
  ),
  people: Schema.optionalKey(
    Schema.Record(Schema.String, Trust.annotate({ expected: "none, read, triage, write, maintain or admin" })).annotate(
      {
        description: "What people may do in the local forge's repository, by login. Default: all may do everything.",
        expected: "a map of logins",
        examples: [{ mallory: "none" }]
      }
    )
  ),
  inputs: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])).annotate({
      description: "Values of the roles' inputs, by name.",
      expected: "a map of names",
      examples: [{ test: "npm test" }]
    })
  ),
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
  const { continueAfter, patience, retryBase, retryMax, ...counts } = policy
  return {
    ...defaultPolicy,
    ...counts,
    ...(retryBase === undefined ? {} : { retryBase: millisOf(retryBase) }),
    ...(retryMax === undefined ? {} : { retryMax: millisOf(retryMax) }),
    ...(continueAfter === undefined ? {} : { continueAfter: millisOf(continueAfter) }),
    ...(patience === undefined ? {} : { patience: millisOf(patience) })
  }
}

/** When agents' pull requests are merged, or null where the file does not say. */
export const landingOf = ({ merge }: ConfigFile): Landing | null =>
  merge === undefined
    ? null
    : {
        method: merge.method ?? "squash",
        approvals: merge.approvals ?? [],
        checks: merge.checks ?? [],
        people: merge.people ?? 0
      }
