import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type Package, versions } from "./catalogue.ts"
import { runChild } from "./child.ts"

/** Why something cannot be had here, for people. */
export type Lacking = { readonly why: string }

type Say = (line: string) => void

/** Milliseconds. */
const installBound = 15 * 60_000
const probeBound = 60_000

/** The folder of installed packages; made where it is not there, and nobody else's. */
export const cacheFolder = (): string | Lacking => {
  const given = process.env["SQUADRON_AGENTS_DIR"] ?? ""
  const hash = createHash("sha256").update(versions).digest("hex").slice(0, 12)
  const folder = given === "" ? join(tmpdir(), `squadron-agents-${hash}`) : resolve(given)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { mode, uid } = lstatSync(folder)
    const isOurs = lstatSync(folder).isDirectory() && uid === process.getuid?.() && (mode & 0o022) === 0
    const elsewhere = "Name another folder in SQUADRON_AGENTS_DIR."
    return isOurs ? folder : { why: `${folder} is not a folder that only this user may write to. ${elsewhere}` }
  } catch (error) {
    return { why: `no folder can be had for the agents: ${error instanceof Error ? error.message : String(error)}` }
  }
}

const versionIn = (folder: string, { name }: Package): string | null => {
  const file = join(folder, "node_modules", name, "package.json")
  if (!existsSync(file)) return null
  const { version }: { version?: unknown } = JSON.parse(readFileSync(file, "utf8"))
  return typeof version === "string" ? version : null
}

/** The program that works on this machine. */
const programIn = (folder: string, wanted: Package): string | Lacking => {
  const { name, probe, programs, version } = wanted
  if (versionIn(folder, wanted) !== version) return { why: `${name} ${version} is not there` }
  const problems: Array<string> = []
  for (const program of programs(join(folder, "node_modules"))) {
    if (!existsSync(program)) problems.push(`it has no program for ${process.platform}-${process.arch}`)
    else if (probe === null) return program
    else {
      const env = { PATH: process.env["PATH"] ?? "", HOME: folder }
      const { error, signal, status, stderr } = spawnSync(program, probe, {
        env,
        timeout: probeBound,
        encoding: "utf8"
      })
      if (status === 0) return program
      const said = error?.message ?? stderr.trim().split("\n").at(-1) ?? ""
      problems.push(`${program} ${probe.join(" ")} ends with ${signal ?? status}: ${said}`)
    }
  }
  return { why: problems.join("; ") || `it has no program for ${process.platform}-${process.arch}` }
}

/** What npm has to say last about a failure. */
const lastWords = (output: string): string => {
  const lines = output
    .split("\n")
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, "").trim())
    .filter((line) => line !== "" && !/complete log|\.log$/.test(line))
  return lines.slice(0, 3).join(" ").slice(0, 500)
}

const npmInstall = async (folder: string, { name, version }: Package, say: Say): Promise<Lacking | null> => {
  const since = Date.now()
  const seconds = (): string => `${Math.round((Date.now() - since) / 1000)} s`
  mkdirSync(folder, { recursive: true })
  const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-progress", "--loglevel=error"]
  let output = ""
  const ticks = setInterval(() => say(`  still installing ${name}, ${seconds()} so far`), 10_000)
  const { problem } = await runChild(
    ["npm", "install", "--prefix", folder, ...options, `${name}@${version}`],
    { stdio: ["ignore", "pipe", "pipe"], timeout: installBound, killSignal: "SIGKILL" },
    (text) => (output += text)
  )
  clearInterval(ticks)
  if (problem !== null) return { why: `npm install: ${problem}. ${lastWords(output)}`.trim() }
  say(`  installed in ${seconds()}`)
  return null
}

/** The path of a package's program: one that is there already, or installed now into a folder of its own. */
export const provide = async (cache: string, wanted: Package, say: Say): Promise<string | Lacking> => {
  const { name, size, version } = wanted
  const folder = join(cache, `${name.replaceAll(/[^\w.-]+/g, "-").replace(/^-/, "")}-${version}`)
  const there = programIn(folder, wanted)
  if (typeof there === "string") {
    say(`${name} ${version} is there already, in ${folder}`)
    return there
  }
  say(`Installing ${name} ${version}, about ${size} MB, into ${folder}`)
  // a broken installation, or one that was cut off, never gets the folder's name
  const making = `${folder}.making-${process.pid}`
  try {
    const lacking = await npmInstall(making, wanted, say)
    if (lacking !== null) return lacking
    const made = programIn(making, wanted)
    if (typeof made !== "string") return made
    rmSync(folder, { recursive: true, force: true })
    renameSync(making, folder)
    return programIn(folder, wanted)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}
