import { Effect, FileSystem, Path, Result } from "effect"
import { printedTools, writingTools } from "../../domain/Action.ts"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { eventTypes } from "../../domain/Event.ts"
import {
  canWrite,
  defaultLimits,
  type HarnessSpec,
  isInternal,
  makeRole,
  reservedRoles,
  type Role,
  type Rule
} from "../../domain/Role.ts"
import { atLeast } from "../../domain/Trust.ts"
import { presets } from "../harness/acp/presets.ts"
import { AgentFile, splitAgent } from "./AgentFile.ts"
import { type CommandLine, splitCommand } from "./commandLine.ts"
import { decodeSource, type Fault, problemAt } from "./decodeSource.ts"
import { bytesOf, millisOf } from "./quantities.ts"
import { type InputValues, inputsOf, templateFaults } from "./roleInputs.ts"
import { parseYaml, type YamlPath } from "./YamlSource.ts"

type Problems = ReadonlyArray<ConfigInvalid>

const nameFault = (name: string): Fault | null =>
  reservedRoles.includes(name)
    ? { problem: `the name \`${name}\` is reserved for a command`, remedy: "Give the file another name." }
    : /^[a-z][a-z0-9-]{0,39}$/.test(name)
      ? null
      : {
          problem: `\`${name}\` is no name for a role`,
          remedy: "Rename the file: a letter, then letters, digits and hyphens, all lower case, 40 at most."
        }

/** Events that exist and that no rule may name. */
const explainEvent = (value: string): Fault | undefined =>
  eventTypes.some((type) => type === value && isInternal(type))
    ? {
        problem: `Squadron itself answers \`${value}\``,
        remedy: "Name an event of the repository, or remove the rule."
      }
    : undefined

/** A rule that asks for what its event does not have would never hold. */
const ruleFaults = (rule: Rule): ReadonlyArray<readonly [key: string, fault: Fault]> => {
  const without = (key: string, needs: string): readonly [string, Fault] => [
    key,
    { problem: `\`${rule.event}\` has none, so the rule would never hold`, remedy: `Remove it, or name ${needs}.` }
  ]
  const isLabel = rule.event.endsWith(".labeled") || rule.event.endsWith(".unlabeled")
  const hasBranch = /^(?:push|pull_request\..*|review\..*|review_comment\..*)$/.test(rule.event)
  const hasLabels = hasBranch ? rule.event !== "push" : /^(?:issue|comment)\./.test(rule.event)
  return [
    ...(rule.labels !== undefined && !hasLabels ? [without("labels", "an event of an issue or a pull request")] : []),
    ...(rule.name !== undefined && rule.event !== "custom" ? [without("name", "the event `custom`")] : []),
    ...(rule.label !== undefined && !isLabel ? [without("label", "an event such as `issue.labeled`")] : []),
    ...(rule.branch !== undefined && !hasBranch ? [without("branch", "an event such as `push`")] : [])
  ]
}

/** A program given by its path must be there and be executable; one given by its name is looked up when it runs. */
const resolved = Effect.fnUntraced(function* (
  root: string,
  [program, ...args]: CommandLine
): Effect.fn.Return<Result.Result<CommandLine, Fault>, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!/^\.{1,2}\//.test(program)) return Result.succeed([program, ...args])
  const absolute = path.resolve(root, program)
  const found = yield* Effect.option(fs.stat(absolute))
  if (found._tag === "None" || found.value.type !== "File") {
    const problem = `there is no program ${program}`
    return Result.fail({ problem, remedy: "Paths are relative to the project's folder, not to the agent's file." })
  }
  return (found.value.mode & 0o111) === 0
    ? Result.fail({ problem: `${program} is not executable`, remedy: `Run \`chmod +x ${program}\`.` })
    : Result.succeed([absolute, ...args])
})

const commandFrom = (text: string | readonly [string, ...ReadonlyArray<string>]) =>
  typeof text === "string" ? splitCommand(text) : Result.succeed<CommandLine>(text)

/**
 * Reads one agent file; `root` is the project's folder, absolute; `values` are those of inputs in config.yaml.
 * `otherAgent` takes the place of what roles say under `agent`.
 *
 * Fails with every problem of the file.
 */
export const readRole = Effect.fnUntraced(function* (
  root: string,
  file: string,
  name: string,
  content: string,
  values: InputValues = null,
  otherAgent: string | null = null
): Effect.fn.Return<Result.Result<Role, Problems>, never, FileSystem.FileSystem | Path.Path> {
  const badName = nameFault(name)
  const nameProblems: Problems =
    badName === null ? [] : [new ConfigInvalid({ file, line: null, field: "", ...badName })]
  const text = splitAgent(file, name, content)
  if (Result.isFailure(text)) return Result.fail([...nameProblems, text.failure])
  const source = parseYaml(file, text.success.frontMatter, 1)
  if (Result.isFailure(source)) return Result.fail([...nameProblems, ...source.failure])
  const decoded = decodeSource(AgentFile, source.success, explainEvent)
  if (Result.isFailure(decoded)) return Result.fail([...nameProblems, ...decoded.failure])

  const agent = decoded.success
  const problems: Array<ConfigInvalid> = [...nameProblems]
  const report = (path: YamlPath, fault: Fault) => problems.push(problemAt(source.success, path, fault))
  const commandAt = Effect.fnUntraced(function* (
    key: string,
    text: string | readonly [string, ...ReadonlyArray<string>]
  ) {
    const split = commandFrom(text)
    const command = Result.isFailure(split) ? Result.fail(split.failure) : yield* resolved(root, split.success)
    if (Result.isSuccess(command)) return command.success
    report([key], command.failure)
    return null
  })

  let harness: HarnessSpec | null = null
  const minds = (["run", "agent", "function"] as const).filter((key) => agent[key] !== undefined)
  const [first, second] = minds
  if (first === undefined) {
    const remedy = "Add one of them, for example `run: ./.squadron/agents/hello.sh` or `agent: claude`."
    report([], { problem: "neither `run` nor `agent` nor `function` is there", remedy })
  } else if (second !== undefined) {
    report([second], { problem: `\`${first}\` is there, too`, remedy: `Keep one of \`${first}\` and \`${second}\`.` })
  } else if (agent.function !== undefined) harness = { _tag: "function", name: agent.function }
  else if (agent.run !== undefined) {
    const run = yield* commandAt("run", agent.run)
    if (run !== null) harness = { _tag: "command", run, env: agent.env ?? [], cwd: root }
  } else if (agent.agent !== undefined) {
    const wanted = otherAgent ?? agent.agent
    const preset = typeof wanted === "string" && Object.hasOwn(presets, wanted) ? presets[wanted] : undefined
    const run = preset?.run ?? (yield* commandAt("agent", wanted))
    if (run !== null) {
      harness = {
        _tag: "acp",
        run,
        env: agent.env ?? [],
        optionalEnv: preset?.env ?? [],
        settings: preset?.settings ?? {},
        cwd: root,
        mode: agent.mode ?? preset?.mode ?? null,
        permissions: agent.permissions ?? "allow",
        hosts: agent.hosts ?? preset?.hosts ?? []
      }
    }
  }
  if (agent.env !== undefined && agent.function !== undefined) {
    report(["env"], { problem: "only a program gets variables", remedy: "Remove it, or use `run` or `agent`." })
  }
  for (const key of ["mode", "permissions", "hosts"] as const) {
    if (agent[key] === undefined || agent.agent !== undefined) continue
    report([key], { problem: "this is only for `agent`", remedy: "Remove it, or use `agent`." })
  }

  const rules = (agent.on ?? []).map((rule): Rule => (typeof rule === "string" ? { event: rule } : rule))
  rules.forEach((rule, index) => {
    for (const [key, fault] of ruleFaults(rule)) report(["on", index, key], fault)
  })

  const hasWorkspace = agent.workspace !== undefined && agent.workspace !== false
  const workspace = hasWorkspace ? { base: null, ...(agent.workspace === true ? {} : agent.workspace) } : null
  if (workspace !== null && agent.function !== undefined) {
    report(["workspace"], { problem: "a function has no workspace", remedy: "Remove it, or use `run` or `agent`." })
  }
  if (agent.gate !== undefined && workspace === null) {
    report(["gate"], { problem: "a gate runs in a workspace", remedy: "Add `workspace: true`, or remove it." })
  }
  // run in the workspace, so nothing of it is looked up here
  const gate = agent.gate === undefined ? null : commandFrom(agent.gate)
  if (gate !== null && Result.isFailure(gate)) report(["gate"], gate.failure)
  const unprinted = (agent.tools ?? []).filter((tool) => !printedTools.includes(tool))
  if (unprinted.length > 0 && agent.run !== undefined) {
    const problem = `a program cannot have \`${unprinted.join("`, `")}\``
    report(["tools"], { problem, remedy: "These are for `agent`, which has them over MCP. Remove them." })
  }
  const writes = (agent.tools ?? []).filter((tool) => writingTools.includes(tool))
  if (writes.length > 0 && workspace === null) {
    const problem = `\`${writes.join("`, `")}\` need a workspace to work in`
    report(["tools"], { problem, remedy: "Add `workspace: true`, or remove them." })
  }
  if (writes.length > 0 && agent.minTrust !== undefined && !atLeast(agent.minTrust, "write")) {
    const problem = `strangers must not steer a role that may ${writes.join(", ")}`
    report(["minTrust"], { problem, remedy: "Use write, maintain or admin, or remove it." })
  }
  const { faults, inputs } = inputsOf(agent, values)
  for (const [path, fault] of faults) report(path, fault)
  const prompt = { text: text.success.prompt, line: text.success.promptLine }
  problems.push(...templateFaults(file, prompt, Object.keys(agent.inputs ?? {})))

  if (problems.length > 0 || harness === null) {
    return Result.fail(problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)))
  }
  const { limits = {} } = agent
  const role = makeRole({
    name,
    harness,
    on: rules,
    workspace,
    gate: gate === null || Result.isFailure(gate) ? null : gate.success,
    inputs,
    prompt: text.success.prompt,
    limits: {
      concurrency: limits.concurrency ?? defaultLimits.concurrency,
      maxTurns: limits.maxTurns ?? defaultLimits.maxTurns,
      wallClock: limits.wallClock === undefined ? defaultLimits.wallClock : millisOf(limits.wallClock),
      stall: limits.stall === undefined ? defaultLimits.stall : millisOf(limits.stall),
      output: limits.output === undefined ? defaultLimits.output : bytesOf(limits.output)
    },
    ...(agent.description === undefined ? {} : { description: agent.description }),
    ...(agent.priority === undefined ? {} : { priority: agent.priority }),
    ...(agent.lifetime === undefined ? {} : { lifetime: agent.lifetime }),
    ...(agent.tools === undefined ? {} : { tools: agent.tools })
  })
  return Result.succeed({
    ...role,
    minTrust: agent.minTrust ?? (canWrite(role) || workspace !== null ? "write" : "none")
  })
})
