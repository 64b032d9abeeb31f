import { Result, Schema } from "effect"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { eventTypes } from "../../domain/Event.ts"
import { BranchName } from "../../domain/Action.ts"
import { isInternal, Role } from "../../domain/Role.ts"
import { Trust } from "../../domain/Trust.ts"
import { presets } from "../harness/acp/presets.ts"
import { Count, DurationText, hostList, Names, SizeText, VariableName } from "./quantities.ts"

/** The events that a rule may name. */
const RuleEvent = Schema.Literals(eventTypes.filter((type) => !isInternal(type))).annotate({
  description: "The event that wakes the role.",
  expected: "the name of an event",
  examples: ["issue.opened"]
})

const text = (description: string, example: string) =>
  Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description, expected: "a text that is not empty", examples: [example] })
  )
const names = (description: string, example: string) =>
  Schema.optionalKey(Names.annotate({ description, examples: [[example]] }))

const RuleFile = Schema.Struct({
  event: RuleEvent,
  name: text("For custom events: the event's name. Default: any.", "deploy"),
  labels: names("All of these labels are on the subject.", "bug"),
  unlessLabels: names("None of these labels is on the subject.", "wontfix"),
  label: text("For *.labeled and *.unlabeled: the label that changed. Default: any.", "ready"),
  branch: text("The branch that was pushed, or a pull request's own; * stands for any text. Default: any.", "main"),
  repositories: names("The subject is in one of these repositories. Default: any.", "acme/app"),
  from: Schema.optionalKey(
    Schema.Literals(["person", "bot", "agent", "anyone"]).annotate({
      description: "Whose doing it is. Default: anyone.",
      expected: "person, bot, agent or anyone",
      examples: ["person"]
    })
  )
})

const LimitsFile = Schema.Struct({
  concurrency: Schema.optionalKey(
    Count.annotate({ description: "Agents of this role that may run at once. Default: 4.", examples: [4] })
  ),
  maxTurns: Schema.optionalKey(Count.annotate({ description: "Turns in one run. Default: 20.", examples: [20] })),
  wallClock: Schema.optionalKey(
    DurationText.annotate({ description: "A turn's longest time. Default: 30m.", examples: ["30m"] })
  ),
  stall: Schema.optionalKey(
    DurationText.annotate({ description: "A turn's longest silence. Default: 5m.", examples: ["5m"] })
  ),
  output: Schema.optionalKey(
    SizeText.annotate({
      description: "Output of one turn; one that prints more is ended. Default: 4MiB.",
      examples: ["4MiB"]
    })
  )
})

/** Front matter of `.squadron/agents/<role>.md`. Exactly one of `run`, `agent` and `function` must be there. */
export const AgentFile = Schema.Struct({
  description: Schema.optionalKey(
    Schema.String.annotate({
      description: "One line on what the role is for.",
      expected: "a text",
      examples: ["Sorts new issues"]
    })
  ),
  run: Schema.optionalKey(
    Schema.Union([
      Schema.NonEmptyString,
      Schema.NonEmptyArray(Schema.NonEmptyString.annotate({ expected: "a text that is not empty" }))
    ]).annotate({
      description: "The program and its arguments. A path that starts with ./ or ../ is relative to the project.",
      expected: "a command line or a list of texts",
      examples: ["./.squadron/agents/hello.sh"]
    })
  ),
  env: Schema.optionalKey(
    Schema.Array(VariableName).annotate({
      description: "Environment variables that the program gets besides the fixed few, by name. Default: none.",
      expected: "a list of names of environment variables",
      examples: [["OPENAI_API_KEY"]]
    })
  ),
  function: text("Name of an Effect function that the program registered, instead of `run`.", "triage"),
  agent: Schema.optionalKey(
    Schema.Union([
      Schema.NonEmptyString,
      Schema.NonEmptyArray(Schema.NonEmptyString.annotate({ expected: "a text that is not empty" }))
    ]).annotate({
      description: `A coding agent that speaks the Agent Client Protocol, instead of \`run\`: one of ${Object.keys(presets).join(", ")}, or its command line.`,
      expected: "the name of a preset, a command line or a list of texts",
      examples: ["claude"]
    })
  ),
  mode: text("For `agent`: the session mode to set, as the agent names it. Default: the agent's own.", "acceptEdits"),
  permissions: Schema.optionalKey(
    Schema.Literals(["allow", "deny", "ask"]).annotate({
      description:
        "For `agent`: how its requests for permission are answered; ask puts them to a person. Default: allow.",
      expected: "allow, deny or ask",
      examples: ["allow"]
    })
  ),
  hosts: Schema.optionalKey(
    hostList(
      "For `agent`: hosts that it reaches from the sandbox, such as its model's. Default: the preset's.",
      "api.example.com"
    )
  ),
  workspace: Schema.optionalKey(
    Schema.Union([
      Schema.Boolean,
      Schema.Struct({
        base: Schema.optionalKey(
          BranchName.annotate({
            description: "The branch that work starts from. Default: the repository's default branch.",
            expected: "the name of a branch",
            examples: ["main"]
          })
        )
      })
    ]).annotate({
      description: "A git clone of its own for each agent. Default: false.",
      expected: "true, false or a map of keys",
      examples: [true]
    })
  ),
  gate: Schema.optionalKey(
    Schema.Union([
      Schema.NonEmptyString,
      Schema.NonEmptyArray(Schema.NonEmptyString.annotate({ expected: "a text that is not empty" }))
    ]).annotate({
      description: "A command that must succeed in the workspace before its work counts as completed. Default: none.",
      expected: "a command line or a list of texts",
      examples: ["npm test"]
    })
  ),
  minTrust: Schema.optionalKey(
    Trust.annotate({
      description:
        "What whoever wakes it must be allowed to do in the repository. Default: write where it has a workspace or can write, else none.",
      expected: "none, read, triage, write, maintain or admin",
      examples: ["write"]
    })
  ),
  inputs: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        type: Schema.optionalKey(
          Schema.Literals(["text", "number", "flag"]).annotate({
            description: "Default: text.",
            expected: "text, number or flag",
            examples: ["text"]
          })
        ),
        default: Schema.optionalKey(
          Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]).annotate({
            description: "Its value where config.yaml gives none.",
            expected: "a text, a number, true or false",
            examples: ["npm test"]
          })
        )
      })
    ).annotate({
      description: "What the prompt's own {{ placeholders }} stand for; config.yaml gives the values under `inputs`.",
      expected: "a map of names",
      examples: [{ test: { type: "text", default: "npm test" } }]
    })
  ),
  on: Schema.optionalKey(
    Schema.Array(
      Schema.Union([RuleEvent, RuleFile]).annotate({
        expected: "the name of an event or a rule",
        examples: ["issue.opened"]
      })
    ).annotate({
      description: "Events that wake the role: names, or rules of which all that is named must hold. Default: none.",
      expected: "a list of events",
      examples: [["issue.opened"]]
    })
  ),
  priority: Schema.optionalKey(
    Schema.Int.annotate({
      description: "Higher runs first. Default: 0.",
      expected: "a whole number",
      examples: [0]
    })
  ),
  lifetime: Schema.optionalKey(
    Role.fields.lifetime.annotate({
      description:
        "task: the agent's life ends with its work. subject: it sleeps until its subject's next message. Default: task.",
      expected: "task or subject",
      examples: ["task"]
    })
  ),
  limits: Schema.optionalKey(
    LimitsFile.annotate({ description: "What one agent may use.", expected: "a map of keys" })
  ),
  tools: Schema.optionalKey(
    Role.fields.tools.annotate({
      description: "What the role may do in the forge; everything else is refused. Default: all that concern issues.",
      expected: "a list of tools",
      examples: [["comment"]]
    })
  )
}).annotate({ title: "Squadron agent", expected: "a map of keys" })
export type AgentFile = typeof AgentFile.Type

/** An agent file in its two parts. */
export interface AgentText {
  /** YAML; it starts on line 2. */
  readonly frontMatter: string
  readonly prompt: string
  /** The line of the file that the prompt's first line is. */
  readonly promptLine: number
}

/** Splits front matter from prompt. */
export const splitAgent = (file: string, name: string, content: string): Result.Result<AgentText, ConfigInvalid> => {
  const text = content.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")
  const fail = (line: number, problem: string, remedy: string) =>
    Result.fail(new ConfigInvalid({ file, line, field: "", problem, remedy }))
  if (!/^---[ \t]*\n/.test(text)) {
    const remedy = `Add these three lines at its top:\n---\nrun: ./.squadron/agents/${name}.sh\n---`
    return fail(1, "this agent has no front matter", remedy)
  }
  const start = text.indexOf("\n") + 1
  const end = /^---[ \t]*$/m.exec(text.slice(start))
  if (end === null) return fail(1, "the front matter has no end", "Add a line `---` after its last key.")
  const frontMatter = text.slice(start, start + end.index)
  const rest = text.slice(start + end.index + end[0].length)
  const before = text.length - rest.trimStart().length
  return Result.succeed({ frontMatter, prompt: rest.trim(), promptLine: text.slice(0, before).split("\n").length })
}
