// Ten agents at once, each a process with a clone of its own that edits, tests, commits and opens a pull request.
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { defaultSquad } from "../../src/adapters/config/squad/defaultSquad.ts"
import { discard, folder } from "./child.ts"
import type { Figures } from "./measure.ts"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const agents = 10

const prepare = (): string => {
  const dir = folder()
  cpSync(path("../../examples/first-squad/project"), join(dir, "project"), { recursive: true })
  mkdirSync(join(dir, ".squadron", "agents"), { recursive: true })
  const lines = ["repository: bench/invoice", "source: project", `concurrency: ${agents}`, "sandbox: off"]
  writeFileSync(join(dir, ".squadron", "config.yaml"), lines.join("\n"))
  const agent = `${path("../../examples/scripted-agent/main.mjs")} developer`
  const role = defaultSquad(() => agent)[".squadron/agents/docs-dev.md"] ?? ""
  const started = role
    .replace(/^on:\n {2}- event: issue.labeled\n {4}label: docs$/m, "on: [issue.opened]")
    .replace("concurrency: 2", `concurrency: ${agents}`)
  writeFileSync(join(dir, ".squadron", "agents", "docs-dev.md"), started)
  return dir
}

const [, , issue = ""] = readFileSync(path("../../examples/first-squad/issues/3-price-digits.md"), "utf8").split(
  "---\n"
)

const eventually = async <A>(what: string, look: () => A | undefined | Promise<A | undefined>): Promise<A> => {
  for (let tries = 0; tries < 1200; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(100)
  }
  throw new Error(`Waited in vain for ${what}`)
}

/**
 * One run: how long the daemon's event loop was held at most while ten agents worked, in milliseconds; and that of a
 * program beside it that does nothing, which is what the machine itself did to both.
 */
export const parallelAgents = async (): Promise<{ readonly daemon: Figures; readonly idle: Figures }> => {
  const dir = prepare()
  const result = join(dir, "loop-delay.json")
  const daemon = spawn(
    process.execPath,
    ["--import", path("./loopDelay.ts"), path("../../src/cli/main.ts"), "start", dir, "--port", "0"],
    { stdio: "ignore", env: { ...process.env, SQUADRON_LOOP_DELAY: result } }
  )
  const idleResult = join(dir, "idle-delay.json")
  const idle = spawn(process.execPath, ["--import", path("./loopDelay.ts"), "--eval", "setInterval(() => {}, 1000)"], {
    stdio: "ignore",
    env: { ...process.env, SQUADRON_LOOP_DELAY: idleResult }
  })
  const mark = () => {
    daemon.kill("SIGUSR2")
    idle.kill("SIGUSR2")
  }
  const figuresOf = (name: string) =>
    eventually("the figures", () =>
      existsSync(name) ? (JSON.parse(readFileSync(name, "utf8")) as Figures) : undefined
    )
  try {
    const file = join(dir, ".squadron-state", "daemon.json")
    const url = await eventually("the daemon", () =>
      existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { readonly url: string }).url : undefined
    )
    await sleep(1000)
    mark()
    for (let n = 0; n < agents; n++) {
      const body = JSON.stringify({ title: "docs/format.md is wrong about the digits of a price", body: issue })
      const answer = await fetch(`${url}/api/v1/issues`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body
      })
      if (!answer.ok) throw new Error(`The issue was refused: ${answer.status} ${await answer.text()}`)
    }
    await eventually("ten pull requests and agents at rest", async () => {
      const get = async (name: string) => (await (await fetch(`${url}/api/v1${name}`)).json()) as ReadonlyArray<unknown>
      return (await get("/pulls")).length === agents && (await get("/agents?status=sleeping")).length === agents
        ? true
        : undefined
    })
    mark()
    return { daemon: await figuresOf(result), idle: await figuresOf(idleResult) }
  } finally {
    idle.kill("SIGKILL")
    daemon.kill("SIGTERM")
    await new Promise((resolve) => daemon.once("close", resolve))
    discard(dir)
  }
}
