// Keeps an issue for each TODO and FIXME in the project's comments: opens one when it comes, closes it when it goes.
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { extname, join } from "node:path"
import { commitOf, git, projectFolder, repositoryOf } from "./checkout.mjs"
import { filesOf } from "./owners.mjs"
import { answer, closeIssue, code, comment, commentOn, done, fenced, issues, nothing, openIssue } from "./turn.mjs"

const openedPerTurn = 10
const label = "todo"
const marker = /^<!-- scout:([0-9a-f]{12}(?: [0-9a-f]{12})*) -->$/gm
const tags = "TODO|FIXME"

const families = [
  [
    String.raw`//+!?|/\*+|^\s*\*+`,
    "js mjs cjs jsx ts mts cts tsx c h cc cpp hpp java go rs kt swift cs php scala css scss less dart zig"
  ],
  ["#+", "py rb sh bash yml yaml toml pl r ex exs nix tf"],
  ["--+", "sql lua hs elm"],
  ["<!--+", "html htm xml md svg"],
  [String.raw`<!--+|//+|/\*+`, "vue svelte astro"]
]
const leads = new Map(families.flatMap(([lead, names]) => names.split(" ").map((name) => [`.${name}`, lead])))

/** The task that a line's comment begins with, or null; what stands in a string is no comment. */
const taskIn = (path, line) => {
  if (line.length > 500) return null
  const lead = leads.get(extname(path).toLowerCase()) ?? "//+|#+"
  const hit = new RegExp(String.raw`(?:${lead})\s*(${tags})\b(?:\([^)]{0,60}\))?\s*:?\s*(.*)$`).exec(line)
  if (hit === null) return null
  const before = line.slice(0, hit.index)
  if (['"', "'", "`"].some((quote) => before.split(quote).length % 2 === 0)) return null
  const text = hit[2].replace(/\s*(?:\*\/\}?|-->).*$/, "").trim()
  return { tag: hit[1], text: text === "" ? "(it does not say what)" : text }
}

/** Lines of a commit, or without one of the folder's files, that could hold a task. */
const candidates = async (folder, commit) => {
  if (commit === null) {
    const files = filesOf(folder).filter((path) => statSync(join(folder, path)).size < 1_048_576)
    return files.flatMap((path) => {
      const text = readFileSync(join(folder, path), "utf8")
      return text.includes("\0") ? [] : text.split("\n").map((text, index) => ({ path, line: index + 1, text }))
    })
  }
  try {
    const found = await git(folder, ["grep", "-nIzE", "-e", tags, commit, "--", "."])
    return found.split("\n").flatMap((row) => {
      const [path, line, text] = row.split("\0")
      return text === undefined ? [] : [{ path: path.slice(commit.length + 1), line: Number(line), text }]
    })
  } catch (error) {
    // grep's way to say that there is none
    if (error.code === 1) return []
    throw error
  }
}

/** The tasks by what makes them the same task when lines move: their file, their tag and their words. */
const tasksAt = async (folder, commit) => {
  const tasks = new Map()
  for (const { line, path, text } of await candidates(folder, commit)) {
    const task = taskIn(path, text)
    if (task === null) continue
    const words = task.text.toLowerCase().replace(/\s+/g, " ")
    const hash = createHash("sha256").update(`${path}\n${task.tag}\n${words}`).digest("hex").slice(0, 12)
    const known = tasks.get(hash)
    if (known) known.lines.push(line)
    else tasks.set(hash, { hash, path, lines: [line], source: text.trim(), ...task })
  }
  return tasks
}

const placeOf = ({ lines, path }) => code(`${path}:${lines.slice(0, 5).join(", ")}${lines.length > 5 ? " …" : ""}`)
const listed = (tasks) =>
  [
    ...tasks.slice(0, 100).map((task) => `- ${placeOf(task)} ${code(`${task.tag}: ${task.text}`)}`),
    ...(tasks.length > 100 ? [`- and ${tasks.length - 100} more`] : [])
  ].join("\n")

const open = (task, where) =>
  openIssue(
    `${task.tag}: ${task.text.length > 100 ? `${task.text.slice(0, 100)} …` : task.text}`,
    `${placeOf(task)} says, ${where}:\n\n${fenced(task.source)}\n\nThis issue is closed when the comment is gone.\n\n<!-- scout:${task.hash} -->`,
    [label]
  )

/** Which commit to look at, and which came before it; null for the files as they lie there. */
const span = async (turn, folder) => {
  const repository = await repositoryOf(folder)
  const pushes = turn.events.filter((event) => event.type === "push" && !event.deleted)
  const asked = turn.command !== null || pushes.length === 0
  if (repository === null) return { commit: null, before: null, where: "in the files as they are" }
  const after = asked ? "HEAD" : pushes.at(-1).after
  const commit = /^0*$/.test(after ?? "") ? repository.head : await commitOf(folder, after)
  if (commit === null) return { problem: `commit ${after} is not in the project's repository; fetch it first` }
  const before = asked || /^0*$/.test(pushes[0].before ?? "") ? null : await commitOf(folder, pushes[0].before)
  const project = await git(folder, ["cat-file", "-e", `${commit}:${repository.prefix.replace(/\/$/, "")}`]).catch(
    () => null
  )
  if (project === null) return { problem: `the project's folder is not in commit ${commit.slice(0, 12)}` }
  return { commit, before, where: `at \`${commit.slice(0, 12)}\`` }
}

await answer(async (turn) => {
  if (turn.command === null && !turn.events.some((event) => event.type === "push" && !event.deleted)) {
    return nothing("nothing was pushed")
  }
  const folder = projectFolder()
  const { before, commit, problem, where } = await span(turn, folder)
  if (problem !== undefined) return nothing(problem)
  const present = await tasksAt(folder, commit)
  const earlier = before === null ? new Map() : await tasksAt(folder, before)

  let known
  try {
    known = [...(await issues(turn, { state: "open" })), ...(await issues(turn, { state: "closed" }))]
  } catch (error) {
    return nothing(`${error.message} So no issue was opened or closed.`)
  }
  const marked = (body) => [...body.matchAll(marker)].flatMap(([, hashes]) => hashes.split(" "))
  const reported = new Set(known.flatMap((issue) => marked(issue.body)))
  const fresh = [...present.values()].filter(({ hash }) => !reported.has(hash) && !earlier.has(hash))

  // On a push there is no issue to write to, so there the rest gets an issue of its own, which is the last of the ten.
  const onIssue = turn.subject.kind !== "repository"
  const single = fresh.length > openedPerTurn && !onIssue ? openedPerTurn - 1 : openedPerTurn
  const rest = fresh.slice(single)
  for (const task of fresh.slice(0, single)) open(task, where)
  if (rest.length > 0 && !onIssue) {
    const hashes = rest.map(({ hash }) => hash).join(" ")
    openIssue(
      `${rest.length} more TODO comments`,
      `These came too, ${where}:\n\n${listed(rest)}\n\nThis issue is closed when all of them are gone.\n\n<!-- scout:${hashes} -->`,
      [label]
    )
  }

  // A marker can be written by anybody; the label and the place at the end are what tells our own issues.
  const gone = known.filter((issue) => {
    const last = issue.body.trimEnd().split("\n").at(-1) ?? ""
    const hashes = marked(last)
    return (
      issue.state === "open" &&
      issue.labels.includes(label) &&
      hashes.length > 0 &&
      hashes.every((hash) => !present.has(hash))
    )
  })
  for (const { number } of gone) {
    commentOn(number, `The comment is gone ${where}.`)
    closeIssue(number)
  }

  const opened = Math.min(fresh.length, openedPerTurn)
  const count = `${present.size} TODO comments ${where}: ${opened} issues opened, ${gone.length} closed`
  if (onIssue) {
    comment(
      `${count}.${rest.length > 0 ? `\n\nNot opened yet, since ${openedPerTurn} at once are enough; ask again for the next:\n${listed(rest)}` : ""}`
    )
  }
  done(count)
})
