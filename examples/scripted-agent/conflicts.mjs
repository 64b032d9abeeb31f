// Bringing a branch up to its base.
import { CannotApply } from "./recipes/recipe.mjs"
import { git } from "./repository.mjs"

const conflict = /^<{7} [^\n]*\n([^]*?)(?:^\|{7}[^\n]*\n[^]*?)?^={7}\n([^]*?)^>{7} [^\n]*\n/gm

/** Lists that grow at one place, such as a changelog: there both sides are right. */
const isList = (path) => /(?:^|\/)(?:changelog|changes|news|history)\.md$/i.test(path)

/** Both sides of each conflict, the base's first; what both have stands once. */
export const keepBoth = (text) =>
  text.replace(conflict, (_, ours, theirs) => {
    const there = new Set(theirs.split("\n"))
    const more = ours.split("\n").filter((line) => line.trim() !== "" && !there.has(line))
    return `${theirs}${more.map((line) => `${line}\n`).join("")}`
  })

/**
 * Merges a commit of the base. Conflicts in lists are resolved by keeping both sides; with any other the merge is
 * undone, and CannotApply names the files.
 */
export const mergeBase = async (turn, base) => {
  const { code, stderr, stdout } = await turn.execute(`git merge ${base.slice(0, 9)}`, "git", [
    "merge",
    "--no-edit",
    "--message",
    `Merge the base at ${base.slice(0, 9)}`,
    base
  ])
  if (code === 0) return []
  const files = (await git(turn, "diff", "--name-only", "--diff-filter=U")).split("\n").filter((path) => path !== "")
  const hard = files.filter((path) => !isList(path))
  if (files.length === 0 || hard.length > 0) {
    await turn.run("git", ["merge", "--abort"])
    throw new CannotApply(
      files.length === 0
        ? `git could not merge the base: ${stderr.trim() || stdout.trim()}`
        : `the base and this branch change the same lines of ${hard.join(", ")}`
    )
  }
  for (const path of files) {
    await turn.edit(path, keepBoth(turn.read(path)))
    await git(turn, "add", "--", path)
  }
  await git(turn, "commit", "--quiet", "--no-edit")
  return files
}
