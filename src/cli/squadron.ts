import { Command } from "effect/cli"
import { actions } from "./commands/actions.ts"
import { agents } from "./commands/agents.ts"
import { answer } from "./commands/answer.ts"
import { backup } from "./commands/backup.ts"
import { cancel } from "./commands/cancel.ts"
import { doctor } from "./commands/doctor.ts"
import { events } from "./commands/events.ts"
import { explain } from "./commands/explain.ts"
import { inbox } from "./commands/inbox.ts"
import { init } from "./commands/init.ts"
import { issue } from "./commands/issue.ts"
import { journal } from "./commands/journal.ts"
import { approve } from "./commands/approve.ts"
import { pull } from "./commands/pull.ts"
import { pause } from "./commands/pause.ts"
import { publish } from "./commands/publish.ts"
import { resume } from "./commands/resume.ts"
import { retry } from "./commands/retry.ts"
import { start } from "./commands/start.ts"
import { status } from "./commands/status.ts"
import { watch } from "./commands/watch.ts"
import { root } from "./root.ts"

/** The whole command line. */
export const squadron = root.pipe(
  Command.withExamples([
    { command: "squadron init", description: "Write a first configuration in this folder" },
    { command: "squadron start", description: "Run the squadron of this folder" },
    { command: 'squadron issue create "Totals are off by a cent" --label bug', description: "Give it something to do" },
    { command: "squadron watch", description: "See what it does, and why" },
    { command: "squadron --completions bash", description: "Completions for your shell; also zsh and fish" }
  ]),
  Command.withSubcommands([
    { group: "Set up and run", commands: [init, doctor, start, backup] },
    { group: "Look", commands: [status, watch, agents, inbox, events, explain, actions, journal] },
    { group: "Give work", commands: [issue, pull, publish] },
    { group: "Steer agents", commands: [answer, approve, pause, resume, retry, cancel] }
  ])
)
