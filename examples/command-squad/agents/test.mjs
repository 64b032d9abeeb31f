// Runs the project's tests on a checkout of their own and says what came out.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { checkout, cleanEnvironment, projectFolder } from "./checkout.mjs"
import { reader } from "./reports.mjs"
import { answer, code, comment, done, fenced, nothing, progress, visible } from "./turn.mjs"

const keptOutput = 64 * 1024
const namedFailures = 20

/** The project's test command, or why there is none. */
const testCommand = (folder) => {
  let text
  try {
    text = readFileSync(join(folder, "package.json"), "utf8")
  } catch {
    return { problem: "there is no package.json" }
  }
  try {
    const script = JSON.parse(text).scripts?.test
    if (typeof script !== "string" || script.trim() === "") return { problem: "package.json has no `test` script" }
    if (/no test specified/.test(script))
      return { problem: "the `test` script of package.json is still the one that npm wrote" }
    return { script }
  } catch {
    return { problem: "package.json is not valid JSON" }
  }
}

/** How the pattern is said to the test runner that the script starts. */
const selection = (script, pattern) => {
  if (pattern === "") return []
  if (/\bnode\b.*--test\b/.test(script)) return [`--test-name-pattern=${pattern}`]
  if (/\b(?:vitest|jest)\b/.test(script)) return [`--testNamePattern=${pattern}`]
  if (/\bmocha\b/.test(script)) return [`--grep=${pattern}`]
  return [pattern.replace(/^-+/, "")]
}

/** The first line after `@squadron test`, out of its quotes. */
const patternOf = (command) =>
  visible((command ?? "").split("\n")[0] ?? "")
    .trim()
    .replace(/^([`"'])(.*)\1$/, "$2")
    .slice(0, 200)

const runTests = (made, args, limit, signal) =>
  new Promise((resolve) => {
    const started = performance.now()
    const environment = cleanEnvironment()
    const child = spawn("npm", ["test", ...(args.length > 0 ? ["--", ...args] : [])], {
      cwd: made.folder,
      // A group of its own, so that all that the tests start can be ended together.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...environment,
        PATH: `${dirname(process.execPath)}${delimiter}${environment.PATH ?? ""}`,
        HOME: made.home,
        TMPDIR: made.home,
        CI: "1",
        NO_COLOR: "1",
        npm_config_update_notifier: "false",
        npm_config_fund: "false",
        npm_config_audit: "false"
      }
    })
    const report = reader()
    let tail = ""
    let lines = 0
    let over = false
    const end = () => {
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // All of them have ended.
      }
    }
    const timer = setTimeout(() => {
      over = true
      end()
    }, limit)
    const heartbeat = setInterval(() => {
      progress(
        `the tests have been running for ${Math.round((performance.now() - started) / 1000)} s; ${lines} lines so far`
      )
    }, 5000)
    signal.addEventListener("abort", end)
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ""
      stream.setEncoding("utf8").on("data", (chunk) => {
        tail = (tail + chunk).slice(-keptOutput)
        const parts = (rest + chunk).split("\n")
        rest = (parts.pop() ?? "").slice(-2000)
        lines += parts.length
        for (const part of parts) if (part.length < 2000) report.line(visible(part).trimEnd())
      })
    }
    const settle = (exit, problem) => {
      clearTimeout(timer)
      clearInterval(heartbeat)
      end()
      resolve({ ...report, exit, over, problem, seconds: (performance.now() - started) / 1000, tail })
    }
    child.on("error", (error) => settle(null, error.code === "ENOENT" ? "npm is not installed" : error.message))
    child.on("close", (exit) => settle(exit))
    // What the tests left running may hold the pipes open for ever, so the end of npm is what counts.
    child.on("exit", (exit) => {
      end()
      setTimeout(() => settle(exit), 1000)
    })
  })

const verdictOf = ({ counts, exit, over, passed, seconds }, pattern) => {
  if (over) return `The tests were ended: they were still running after ${Math.round(seconds)} s.`
  const known = counts.pass !== undefined || counts.fail !== undefined
  const bad = (counts.fail ?? 0) + (counts.cancelled ?? 0)
  const numbers = known
    ? `${passed()} passed, ${bad} failed${counts.skipped ? `, ${counts.skipped} skipped` : ""}`
    : "no counts in the report"
  if (exit === 0 && pattern !== "" && known && passed() + bad === 0)
    return `No test has a name that matches ${code(pattern)}.`
  return `The tests ${exit === 0 ? "passed" : `failed with exit code ${exit}`}: ${numbers} in ${seconds.toFixed(1)} s.`
}

await answer(async (turn, signal) => {
  if (turn.command === null && turn.events.length === 0) return nothing("nobody asked for a test run")
  const project = projectFolder()
  const pattern = patternOf(turn.command)
  const wall = Number.isFinite(turn.limits?.wallClock) ? turn.limits.wallClock : 300_000
  // Since this program's start; what is left is for saying so and cleaning up before Squadron ends the turn.
  const deadline = Math.max(wall * 0.8, wall - 15_000)
  progress("making a checkout")
  let made
  try {
    made = await checkout(project, signal)
  } catch (error) {
    if (signal.aborted) return
    comment(
      `The tests could not be run: there is no checkout of the project.\n\n${fenced(String(error.stderr || error.message))}`
    )
    return done("no checkout, so no tests were run")
  }
  try {
    const { problem, script } = testCommand(made.folder)
    if (problem !== undefined) {
      comment(`There are no tests to run: ${problem}.`)
      return done(`no tests to run: ${problem}`)
    }
    progress(`running ${script}${pattern === "" ? "" : ` for ${pattern}`}`)
    const limit = Math.max(0, deadline - performance.now())
    const result = await runTests(made, selection(script, pattern), limit, signal)
    if (result.problem !== undefined) {
      comment(`The tests could not be run: ${result.problem}.`)
      return done(`no tests were run: ${result.problem}`)
    }
    const verdict = verdictOf(result, pattern)
    const failed = [...result.failed].slice(0, namedFailures).map((name) => `- ${code(name, 200)}`)
    if (result.failed.size > namedFailures) failed.push(`- and ${result.failed.size - namedFailures} more`)
    const where =
      made.commit === null ? "on a copy of the folder, which is in no commit" : `at \`${made.commit.slice(0, 12)}\``
    const last = result.tail.replaceAll(made.folder, ".").replaceAll(made.home, "…").split("\n").slice(-60).join("\n")
    comment(
      [
        verdict,
        `Run with ${code(script)}${pattern === "" ? "" : `, only ${code(pattern)},`} ${where}.`,
        ...(failed.length > 0 ? [`Failing:\n${failed.join("\n")}`] : []),
        ...(last.trim() === "" ? ["It printed nothing."] : [`The end of what it printed:\n\n${fenced(last)}`])
      ].join("\n\n")
    )
    done(verdict)
  } finally {
    made.dispose()
  }
})
