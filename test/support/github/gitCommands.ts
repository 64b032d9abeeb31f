import { execFileSync, spawnSync } from "node:child_process"

const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "mona",
  GIT_AUTHOR_EMAIL: "mona@example.com",
  GIT_COMMITTER_NAME: "mona",
  GIT_COMMITTER_EMAIL: "mona@example.com"
}

/** Runs git in a folder; its output without the last line's end. */
export const git = (folder: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", folder, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trimEnd()

/** The same where failing is an answer; null then. */
export const tryGit = (folder: string, ...args: ReadonlyArray<string>): string | null => {
  const run = spawnSync("git", ["-C", folder, ...args], { env, encoding: "utf8" })
  return run.status === 0 ? run.stdout.trimEnd() : null
}

export const shaOf = (folder: string, branch: string): string | null =>
  tryGit(folder, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`)

/** The tree of both together, or null where they conflict. */
export const mergedTree = (folder: string, base: string, head: string): string | null =>
  tryGit(folder, "merge-tree", "--write-tree", base, head)?.split("\n")[0] ?? null

/** Commits files on top of a branch (or from nothing) and gives the commit; no working tree is needed. */
export const commitFiles = (
  folder: string,
  branch: string,
  files: Readonly<Record<string, string>>,
  message: string,
  parent: string | null = shaOf(folder, branch)
): string => {
  const index = `${folder}/double-index-${branch.replaceAll("/", "-")}`
  const withIndex = (input: string | undefined, ...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-C", folder, ...args], {
      env: { ...env, GIT_INDEX_FILE: index },
      encoding: "utf8",
      input: input ?? "",
      stdio: ["pipe", "pipe", "pipe"]
    }).trimEnd()
  withIndex(undefined, "read-tree", parent === null ? "--empty" : parent)
  for (const [path, content] of Object.entries(files)) {
    const blob = withIndex(content, "hash-object", "-w", "--stdin")
    withIndex(undefined, "update-index", "--add", "--cacheinfo", `100644,${blob},${path}`)
  }
  const tree = withIndex(undefined, "write-tree")
  const commit = git(folder, "commit-tree", tree, ...(parent === null ? [] : ["-p", parent]), "-m", message)
  git(folder, "update-ref", `refs/heads/${branch}`, commit)
  return commit
}

export type FilePatch = { readonly filename: string; readonly patch: string }

/** What a pull request changes, file by file, without git's own head lines. */
export const patches = (folder: string, base: string, head: string): ReadonlyArray<FilePatch> =>
  git(folder, "diff", "--name-only", `${base}...${head}`)
    .split("\n")
    .filter((name) => name !== "")
    .map((filename) => {
      const text = git(folder, "diff", `${base}...${head}`, "--", filename)
      const at = text.indexOf("\n@@")
      return { filename, patch: at === -1 ? "" : text.slice(at + 1) }
    })
