// The workspace's git repository.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ProgramFailed } from "./processes.mjs"

/** Runs git in the workspace; gives what it prints, without the last line end. Fails where git does. */
export const git = async (turn, ...args) => {
  const { code, stderr, stdout } = await turn.run("git", args)
  if (code !== 0) throw new ProgramFailed(`git ${args.join(" ")} failed: ${stderr.trim() || stdout.trim()}`)
  return stdout.replace(/\n$/, "")
}

/** Runs git for its answer yes or no. */
export const asks = async (turn, ...args) => (await turn.run("git", args)).code === 0

/** A revision's commit, or null where the clone does not have it. */
export const commitOf = async (turn, revision) => {
  const { code, stdout } = await turn.run("git", [
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${revision}^{commit}`
  ])
  return code === 0 ? stdout.trim() : null
}

/** The commits that the base is known to have been at, of those that the clone has: as the prompt says, and Squadron's ref. */
export const basesOf = async (turn, ...named) => {
  const found = []
  for (const revision of [...named, "squadron/base", "origin/HEAD", "origin/main"]) {
    const commit = revision === undefined ? null : await commitOf(turn, revision)
    if (commit !== null && !found.includes(commit)) found.push(commit)
  }
  return found
}

/** Where a commit left its base last: of all that it shares with it, the newest. Null where it shares nothing. */
export const leftBase = async (turn, bases, commit) => {
  let newest = null
  for (const base of bases) {
    const { code, stdout } = await turn.run("git", ["merge-base", base, commit])
    const shared = stdout.trim()
    if (code === 0 && (newest === null || (await isAncestor(turn, newest, shared)))) newest = shared
  }
  return newest
}

export const isDirty = async (turn) => (await git(turn, "status", "--porcelain")) !== ""

export const isAncestor = (turn, commit, of) => asks(turn, "merge-base", "--is-ancestor", commit, of)

/** Commits all that is there, where there is something; the trailer tells a later session which recipe it was. */
export const commitAll = async (turn, subject, recipe) => {
  await git(turn, "add", "--all")
  if (!(await isDirty(turn))) return
  const body = "Made by a script, examples/scripted-agent; no model had a part in it."
  const { code, stderr, stdout } = await turn.execute(`git commit: ${subject}`, "git", [
    "commit",
    "--quiet",
    "--message",
    subject,
    "--message",
    body,
    "--message",
    `Recipe: ${recipe}`
  ])
  if (code !== 0) throw new ProgramFailed(`the commit failed: ${stderr || stdout}`)
}

/** Whether a commit of the branch was made by this recipe. */
export const hasRecipe = async (turn, base, recipe) =>
  (await git(
    turn,
    "log",
    "--format=%H",
    "--fixed-strings",
    `--grep=Recipe: ${recipe}`,
    base === null ? "HEAD" : `${base}..HEAD`
  )) !== ""

/** What `head` changes since it left `base`: `[{ path, added: [{ line, text }] }]`, lines as they are in `head`. */
export const changesOf = async (turn, base, head = "HEAD") => {
  const diff = await git(
    turn,
    "-c",
    "core.quotePath=false",
    "diff",
    "--unified=0",
    "--no-color",
    "--no-ext-diff",
    "--no-renames",
    `${base}...${head}`
  )
  const files = []
  let line = 0
  for (const text of diff.split("\n")) {
    const hunk = /^@@ -\S+ \+(\d+)(?:,\d+)? @@/.exec(text)
    if (text.startsWith("diff --git ")) {
      files.push({ path: "", added: [], inHunk: false })
      continue
    }
    const file = files.at(-1)
    if (file === undefined) continue
    if (hunk !== null) {
      line = Number(hunk[1])
      file.inHunk = true
    } else if (!file.inHunk && /^(?:---|\+\+\+) [ab]\//.test(text)) file.path = text.slice(6)
    else if (file.inHunk && text.startsWith("+")) file.added.push({ line: line++, text: text.slice(1) })
  }
  return files.filter(({ path }) => path !== "").map(({ added, path }) => ({ path, added }))
}

/** Uses a checkout of another commit, beside the workspace, as long as `use` lasts. */
export const withCheckout = async (turn, commit, use) => {
  const place = mkdtempSync(join(tmpdir(), "scripted-agent-"))
  const folder = join(place, "checkout")
  try {
    await git(turn, "worktree", "add", "--quiet", "--detach", folder, commit)
    return await use(folder)
  } finally {
    rmSync(place, { recursive: true, force: true })
    if (!turn.signal.aborted) await git(turn, "worktree", "prune")
  }
}
