import { presets } from "../harness/acp/presets.ts"
import { defaultSquad } from "./squad/defaultSquad.ts"

const config = `# Squadron's configuration. Every key is optional; the values here are the defaults.
# All keys: docs/configuration.md. A change is picked up while Squadron runs; a mistake keeps the last good one.

# Who an agent is stands in its file in agents/, under \`agent\`: the command line of a program that speaks the Agent
# Client Protocol, or one of ${Object.keys(presets).join(", ")}.
# \`squadron start --agent <one of them>\` takes another for all roles.

# The name that people address in comments: "@squadron help".
name: squadron

# Agents that may run at once, of all roles together.
concurrency: 10

# The repository of the local issues.
# repository: acme/app

# The git repository or folder that the local forge's repository is made from, relative to the project.
# source: .

# Whether coding agents, gates and hooks are shut in with bubblewrap: auto where it can be had, required never without, off.
sandbox: auto

# People merge agents' pull requests, unless this is here: then Squadron merges those whose newest commit has all of it,
# and the gate of its role.
# merge:
#   method: squash
#   approvals: [reviewer, security-reviewer]
#   checks: []                      # such as those of your CI
#   people: 1                       # with write access

# Each agent that changes code has a git clone of its own.
# workspaces:
#   hooks: { afterCreate: npm ci }  # what a fresh clone needs
#   hookHosts: [packages.example.com] # what hooks reach from the sandbox
#   retention: 30d                  # clones of agents at rest; they get them again
#   keepSaved: 90d                  # saved work of agents that ended; or forever

# What the placeholders in the roles' prompts stand for. The gate in bug-fix.md is a command line of its own.
# inputs:
#   test: npm test

# The page and the API. Any address but a loopback one requires a token.
# server:
#   host: 127.0.0.1
#   port: 7700
#   tokenEnv: SQUADRON_TOKEN        # the variable's name, not the token

# What GitHub sends to /webhooks/github, and what Squadron does there. Without a token or an app it only listens.
# github:
#   tokenEnv: SQUADRON_GITHUB_TOKEN # the variable's name, not the token
#   secretEnv: SQUADRON_GITHUB_WEBHOOK_SECRET
#   ratePerMinute: 600              # 0 for no limit
#   repositories: [acme/app]        # all, unless told
#   botLogins: ["squadron[bot]"]

# How failures are answered.
# policy:
#   retries: 3
#   retryBase: 10s
#   retryMax: 5m

# How long running turns may take to end when Squadron stops.
drainTimeout: 30s

# The database and all else that must last. Keep it out of git.
stateDir: .squadron-state
`

/** What a new project starts with, by path. Texts that begin with `#!` are programs. */
export const examples: { readonly [path: string]: string } = {
  ".squadron/config.yaml": config,
  ...defaultSquad(() => "claude")
}
