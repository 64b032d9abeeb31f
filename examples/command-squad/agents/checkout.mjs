// The project that this squad looks after, and checkouts of it that nobody else touches.
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { devNull, tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Where the project lies: the program's argument or `COMMAND_SQUAD_PROJECT`, from the squad's folder if relative. */
export const projectFolder = () =>
  resolve(
    fileURLToPath(new URL("..", import.meta.url)),
    process.env.COMMAND_SQUAD_PROJECT || (process.argv[2] ?? "../first-squad/project")
  )

const misleading = /^(?:GIT_|NODE_|npm_|SQUADRON_(?!HOME_ID$|RUN$))/i

/**
 * The environment without what would point git, npm or node's test runner elsewhere than we do, and without
 * Squadron's own, but for the marks by which it finds the processes of a run.
 */
export const cleanEnvironment = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !misleading.test(name))),
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C.UTF-8"
})

/** Runs git in a folder, without hooks; gives what it prints. */
export const git = async (folder, args, options = {}) => {
  const { stdout } = await run("git", ["-c", `core.hooksPath=${devNull}`, ...args], {
    cwd: folder,
    env: cleanEnvironment(),
    maxBuffer: 64 * 1024 * 1024,
    ...options
  })
  return stdout
}

/** A revision as a full commit id, or null where the repository does not have it. */
export const commitOf = async (folder, revision) => {
  try {
    return (await git(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`])).trim()
  } catch {
    return null
  }
}

/**
 * The repository that keeps the project: its top folder, the project's path in it (empty at the top, else with a
 * slash at the end) and its newest commit. Null where the project is in no commit, or git is not there.
 */
export const repositoryOf = async (folder) => {
  try {
    const [top = "", prefix = ""] = (await git(folder, ["rev-parse", "--show-toplevel", "--show-prefix"])).split("\n")
    const head = await commitOf(folder, "HEAD")
    if (head === null) return null
    await git(folder, ["cat-file", "-e", `${head}:${prefix.replace(/\/$/, "")}`])
    return { top, prefix, head }
  } catch {
    return null
  }
}

const clone = async (repository, place, options) => {
  await git(tmpdir(), ["clone", "--quiet", "--no-checkout", "--shared", repository.top, place], options)
  const part = repository.prefix.replace(/\/$/, "")
  if (part !== "") await git(place, ["sparse-checkout", "set", "--cone", part], options)
  await git(place, ["checkout", "--quiet", "--detach", repository.head], options)
  return { folder: join(place, part), commit: repository.head }
}

const copy = async (project, place, options) => {
  cpSync(project, place, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => path === project || !["node_modules", ".git"].includes(basename(path))
  })
  try {
    await git(place, ["init", "--quiet"], options)
    await git(place, ["add", "--all"], options)
    const who = ["-c", "user.name=command-squad", "-c", "user.email=command-squad@localhost"]
    await git(place, [...who, "commit", "--quiet", "--no-gpg-sign", "--allow-empty", "--message", "As found"], options)
  } catch {
    // The files are there, and that is what was asked for; without git there is no history.
  }
  return { folder: place, commit: null }
}

/**
 * Makes a checkout of the project's newest commit in a temporary folder, by a clone that shares the objects of its
 * repository and checks out the project's part only; of a project in no repository, a copy with a history of its
 * own. What the project has installed in `node_modules` is linked. `dispose` removes all of it; the end of this
 * process does too, however it comes.
 */
export const checkout = async (project, signal) => {
  const place = mkdtempSync(join(tmpdir(), "command-squad-"))
  const dispose = () => rmSync(place, { recursive: true, force: true, maxRetries: 5 })
  process.on("exit", dispose)
  try {
    const options = { signal, killSignal: "SIGKILL" }
    const repository = await repositoryOf(project)
    const inner = join(place, "checkout")
    const made = repository ? await clone(repository, inner, options) : await copy(project, inner, options)
    const installed = join(project, "node_modules")
    if (existsSync(installed) && !existsSync(join(made.folder, "node_modules"))) {
      symlinkSync(installed, join(made.folder, "node_modules"), "junction")
    }
    return { ...made, home: place, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}
