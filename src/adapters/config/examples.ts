const config = `# Squadron's configuration. Every key is optional; the values here are the defaults.
# All keys: docs/configuration.md. A change is picked up while Squadron runs; a mistake keeps the last good one.

# The name that people address in comments: "@squadron help".
name: squadron

# Agents that may run at once, of all roles together.
concurrency: 10

# The repository of the local issues.
# repository: acme/app

# The page and the API. Any address but a loopback one requires a token.
# server:
#   host: 127.0.0.1
#   port: 7700
#   tokenEnv: SQUADRON_TOKEN        # the variable's name, not the token

# What GitHub sends to /webhooks/github.
# github:
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

const hello = `---
description: Greets whoever opens an issue, and answers when it is addressed
run: ./.squadron/agents/hello.sh
on: [issue.opened]
tools: [comment]
---

A program reads this text as "prompt" in the JSON on its standard input. This one has no use for it.
`

const helloProgram = `#!/bin/sh
# A line of JSON is an action or the result; all other output goes to the transcript.
cat > /dev/null
echo "{\\"type\\":\\"comment\\",\\"body\\":\\"Hello from $SQUADRON_ROLE on $SQUADRON_SUBJECT.\\"}"
echo '{"type":"done","summary":"Said hello"}'
`

const triage = `---
description: Labels new issues as bug, question or feature
run: ./.squadron/agents/triage.mjs
on:
  - event: issue.opened
    unlessLabels: [bug, question, feature]
  - event: issue.edited
    unlessLabels: [bug, question, feature]
    from: person
priority: 10
limits:
  concurrency: 2
  wallClock: 1m
tools: [add_labels]
---

Sort the issue by its title and body:

- bug: something is broken, fails or crashes
- question: somebody asks how or why
- feature: everything else
`

const triageProgram = `#!/usr/bin/env node
// Any program can take this one's place, a coding agent as well: a turn comes in as one JSON document on standard
// input, with the prompt and the messages; what to do goes out as lines of JSON.
import { text } from "node:stream/consumers"

const turn = JSON.parse(await text(process.stdin))
const say = (line) => console.log(JSON.stringify(line))
const issue = turn.messages.map(({ event }) => event.issue).findLast((found) => found !== undefined)

if (issue === undefined) say({ type: "nothing", reason: "There is no issue to sort" })
else {
  const words = \`\${issue.title} \${issue.body}\`.toLowerCase()
  const label = /\\b(bugs?|broken|errors?|fail(s|ed|ure)?|crash(es|ed)?)\\b/.test(words)
    ? "bug"
    : /\\?|\\b(how|why)\\b/.test(words)
      ? "question"
      : "feature"
  say({ type: "label", add: [label] })
  say({ type: "done", summary: \`Labelled as \${label}\` })
}
`

/** What a new project starts with, by path. Texts that begin with `#!` are programs. */
export const examples: { readonly [path: string]: string } = {
  ".squadron/config.yaml": config,
  ".squadron/agents/hello.md": hello,
  ".squadron/agents/hello.sh": helloProgram,
  ".squadron/agents/triage.md": triage,
  ".squadron/agents/triage.mjs": triageProgram
}
