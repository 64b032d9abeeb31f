import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { runChild } from "./child.ts"

/** What came of one agent's tests. */
export type Tested = {
  readonly passed: ReadonlyArray<string>
  /** With the first line of what failed. */
  readonly failed: ReadonlyArray<string>
  /** Tests that could not be made here; their names say why. */
  readonly skipped: ReadonlyArray<string>
  /** What else went wrong; null where nothing did. */
  readonly fault: string | null
  /** Seconds. */
  readonly took: number
}

type Report = {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string
      readonly status: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const inProcess = (pid: string, look: (folder: string) => string): string => {
  try {
    return look(`/proc/${pid}`)
  } catch {
    // it has ended, or is another user's
    return ""
  }
}

/** Processes that work in this folder, and those that are only told to put their temporary files there. */
const livingIn = (folder: string): { readonly agents: ReadonlyArray<number>; readonly all: ReadonlyArray<number> } => {
  const pids = existsSync("/proc/self") ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : []
  const found = pids.map((pid) => {
    const cwd = inProcess(pid, (process) => readlinkSync(`${process}/cwd`))
    const variables = inProcess(pid, (process) => readFileSync(`${process}/environ`, "utf8")).split("\0")
    const isAgent = `${cwd}/`.startsWith(`${folder}/`) || variables.some((text) => text.startsWith(`HOME=${folder}/`))
    return { pid: Number(pid), isAgent, isOurs: isAgent || variables.includes(`TMPDIR=${folder}`) }
  })
  return {
    agents: found.filter(({ isAgent }) => isAgent).map(({ pid }) => pid),
    all: found.filter(({ isOurs }) => isOurs).map(({ pid }) => pid)
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // it ended meanwhile
  }
}

/** Runs the tests in `test/agents` behind the wrapper, with these variables, in a folder that is gone afterwards. */
export const runTests = async (
  wrapper: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>
): Promise<Tested> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "squadron-run-")))
  const file = join(folder, "report.json")
  const since = Date.now()
  const tests = [
    process.execPath,
    here("node_modules/vitest/vitest.mjs"),
    "run",
    `--config=${here("scripts/vitest.config.ts")}`,
    // agents are heavy, and a test that waits for a busy machine proves nothing
    "--no-file-parallelism",
    "--reporter=verbose",
    "--reporter=json",
    `--outputFile.json=${file}`,
    "test/agents"
  ] as const
  const [first, ...rest] = wrapper
  const { problem } = await runChild(first === undefined ? tests : [first, ...rest, ...tests], {
    cwd: here("."),
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...variables, TMPDIR: folder }
  })
  const left = livingIn(folder).agents
  // twice, for what was started meanwhile
  for (const _ of [1, 2]) for (const pid of livingIn(folder).all) kill(pid)

  const report: Report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const all = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const named = (isOne: (status: string) => boolean): ReadonlyArray<string> =>
    all
      .filter(({ status }) => isOne(status))
      .map(({ failureMessages: [why = ""], fullName }) =>
        [fullName.trim(), why.split("\n")[0]?.slice(0, 1000) ?? ""].filter((text) => text !== "").join(": ")
      )
  return {
    passed: named((status) => status === "passed"),
    failed: named((status) => status === "failed"),
    skipped: named((status) => status !== "passed" && status !== "failed"),
    fault: problem ?? (left.length > 0 ? `processes were left running: ${left.join(", ")}; they are ended now` : null),
    took: (Date.now() - since) / 1000
  }
}
