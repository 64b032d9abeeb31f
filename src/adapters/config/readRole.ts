import { Effect, FileSystem, Path, Result } from "effect"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { eventTypes } from "../../domain/Event.ts"
import {
  defaultLimits,
  type HarnessSpec,
  isInternal,
  makeRole,
  reservedRoles,
  type Role,
  type Rule
} from "../../domain/Role.ts"
import { AgentFile, splitAgent } from "./AgentFile.ts"
import { type CommandLine, splitCommand } from "./commandLine.ts"
import { decodeSource, type Fault, problemAt } from "./decodeSource.ts"
import { bytesOf, millisOf } from "./quantities.ts"
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

/**
 * Reads one agent file; `root` is the project's folder, absolute.
 *
 * Fails with every problem of the file.
 */
export const readRole = Effect.fnUntraced(function* (
  root: string,
  file: string,
  name: string,
  content: string
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

  let harness: HarnessSpec | null = null
  if (agent.run !== undefined && agent.function !== undefined) {
    report(["function"], { problem: "`run` is there, too", remedy: "Keep one of `run` and `function`." })
  } else if (agent.function !== undefined) harness = { _tag: "function", name: agent.function }
  else if (agent.run === undefined) {
    const remedy = "Add one of them, for example `run: ./.squadron/agents/hello.sh`."
    report([], { problem: "neither `run` nor `function` is there", remedy })
  } else {
    const run = typeof agent.run === "string" ? splitCommand(agent.run) : Result.succeed(agent.run)
    const command = Result.isFailure(run) ? Result.fail(run.failure) : yield* resolved(root, run.success)
    if (Result.isFailure(command)) report(["run"], command.failure)
    else harness = { _tag: "command", run: command.success, env: agent.env ?? [], cwd: root }
  }
  if (agent.env !== undefined && agent.function !== undefined) {
    report(["env"], { problem: "only a program gets variables", remedy: "Remove it, or use `run`." })
  }

  const rules = (agent.on ?? []).map((rule): Rule => (typeof rule === "string" ? { event: rule } : rule))
  rules.forEach((rule, index) => {
    for (const [key, fault] of ruleFaults(rule)) report(["on", index, key], fault)
  })

  if (problems.length > 0 || harness === null) {
    return Result.fail(problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)))
  }
  const { limits = {} } = agent
  return Result.succeed(
    makeRole({
      name,
      harness,
      on: rules,
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
  )
})
