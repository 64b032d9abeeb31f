// Tests Squadron with real coding agents, offline: `npm run test:agents -- --help`.
import { parseArgs } from "node:util"
import { presets } from "../src/adapters/harness/acp/presets.ts"
import { agents, aimock, type Package } from "./test-agents/catalogue.ts"
import { isInterrupted, minded } from "./test-agents/child.ts"
import { cacheFolder, provide } from "./test-agents/install.ts"
import { findIsolation } from "./test-agents/isolation.ts"
import { runTests, type Tested } from "./test-agents/run.ts"

const names = Object.keys(agents)
const nameOf = ({ name, version }: Package): string => `${name} ${version}`

const help = `npm run test:agents -- [options]

Runs real coding agents against a model whose answers are written beforehand, in a network that has nothing but
loopback: edits and commits, calls of Squadron's tools, a cancelled turn, an agent that is killed and goes on, a model
that refuses, an agent that may do nothing but report, and the way from an issue to a pull request. Each with the agent
free and, where bubblewrap works, shut in.

  --agent NAME  ${names.join(", ")}, or all; codex unless told
  --help        this text

${names.map((name) => `  ${name.padEnd(12)}${nameOf(agents[name] ?? aimock)}, about ${agents[name]?.size ?? 0} MB`).join("\n")}
  ${"the model".padEnd(12)}${nameOf(aimock)}

What is not there is installed by npm, without its install scripts, into a folder that is kept for the next time:
SQUADRON_AGENTS_DIR, or squadron-agents-<hash> in the system's folder for temporary files. Nothing is added to this
package. No account and no key is needed.

At its end it says what was not tested. Exit code 0: at least one agent was tested, and all of its tests passed;
1: a test failed; 2: wrong usage; 3: no agent could be tested; 130: interrupted.
`

const usage = (problem: string): never => {
  process.stderr.write(`${problem}\nSee npm run test:agents -- --help\n`)
  process.exit(2)
}

const read = () => {
  try {
    return parseArgs({
      options: { agent: { type: "string", default: "codex" }, help: { type: "boolean", default: false } }
    }).values
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
}

const options = read()
if (options.help) {
  process.stdout.write(help)
  process.exit(0)
}
const chosen = options.agent === "all" ? names : [options.agent]
for (const name of chosen) {
  if (!Object.hasOwn(agents, name)) usage(`There is no agent ${name} to test; there are ${names.join(", ")}, and all`)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const tested: Array<readonly [name: string, package_: Package, result: Tested]> = []
const notTested: Array<string> = []

minded()
const isolation = findIsolation()
const isolated = "wrapper" in isolation ? isolation : null
say(isolated === null ? "The agents may reach other machines." : `Network: loopback only, by ${isolated.how}`)

const cache = cacheFolder()
const model = typeof cache === "string" ? await provide(cache, aimock, say) : cache
for (const name of chosen) {
  const wanted = agents[name]
  if (wanted === undefined) continue
  if (isInterrupted()) {
    notTested.push(`${name}: it was interrupted`)
    continue
  }
  if (typeof cache !== "string" || typeof model !== "string") {
    notTested.push(`${name}: ${nameOf(aimock)} cannot be had: ${typeof model === "string" ? "" : model.why}`)
    continue
  }
  const program = await provide(cache, wanted, say)
  if (typeof program !== "string") {
    notTested.push(`${name}: ${nameOf(wanted)} cannot be had: ${program.why}`)
    continue
  }
  say(`Testing ${name}, ${nameOf(wanted)}`)
  const result = await runTests(isolated?.wrapper ?? [], {
    SQUADRON_AGENTS_AGENT: name,
    SQUADRON_AGENTS_PROGRAM: program,
    SQUADRON_AGENTS_AIMOCK: model,
    SQUADRON_AGENTS_NETWORK: "why" in isolation ? isolation.why : ""
  })
  tested.push([name, wanted, result])
  notTested.push(...result.skipped.map((title) => `${name}: ${title}`))
}

for (const name of names) {
  if (!chosen.includes(name)) notTested.push(`${name}: ask for it with --agent ${name}`)
}
const others = Object.keys(presets).filter((name) => !Object.hasOwn(agents, name))
notTested.push(
  `other agents that roles may name: ${others.join(", ")}`,
  "@agentclientprotocol/codex-acp, which the preset codex installs: another program for the same agent is tested",
  "any real model, its prices and its limits: all answers were written beforehand",
  "signing in: the key was made up",
  "a daemon that is killed while an agent works, and several agents at once"
)

say("\nTested:")
for (const [name, wanted, { failed, fault, passed, took }] of tested) {
  say(`  ${name}, ${nameOf(wanted)}: ${passed.length} passed, ${failed.length} failed, in ${took.toFixed(0)} s`)
  for (const title of failed) say(`    failed: ${title}`)
  if (fault !== null) say(`    ${fault}`)
}
if (tested.length === 0) say("  nothing")
say("Not tested:")
for (const line of notTested) say(`  ${line}`)

const isWell = ({ failed, fault, passed }: Tested): boolean =>
  failed.length === 0 && fault === null && passed.length > 0
process.exitCode = isInterrupted()
  ? 130
  : tested.length === 0
    ? 3
    : tested.every(([, , result]) => isWell(result))
      ? 0
      : 1
