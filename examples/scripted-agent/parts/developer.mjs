import { mergeBase } from "../conflicts.mjs"
import {
  answersAmong,
  placeIn,
  readPrompt,
  reviewCommentsAmong,
  reviewsAmong,
  subjectAmong,
  wordsAmong
} from "../prompt.mjs"
import { addEntry } from "../recipes/changelog.mjs"
import { CannotApply, NothingToDo } from "../recipes/recipe.mjs"
import { recipeFor, recipeNamed, recipes } from "../recipes/table.mjs"
import { basesOf, commitAll, commitOf, git, hasRecipe, isAncestor, isDirty, leftBase } from "../repository.mjs"
import { newFailures, runTests } from "../tests.mjs"
import { code, counted, signed } from "../words.mjs"
import { askPerson, blockedOn } from "./questions.mjs"
import { answerReviews } from "./answerReviews.mjs"

/** Reads what there is to do from the prompt and from Squadron, and keeps it for the next turn. */
const readTask = async (turn) => {
  const told = readPrompt((await turn.call("read_subject")).text).quotes
  const { memory } = turn
  const place = placeIn(turn.own)
  memory.number = place.number ?? memory.number
  memory.pullRequest = place.pullRequest ?? memory.pullRequest
  memory.baseBranch = place.baseBranch ?? memory.baseBranch
  memory.issue = subjectAmong(turn.quotes) ?? memory.issue ?? subjectAmong(told) ?? { title: "", body: "" }
  const answers = answersAmong(turn.quotes)
  if (answers.length > 0) memory.answers = [...(memory.answers ?? []), ...answers]
  return {
    place,
    spoken: wordsAmong(turn.quotes),
    comments: reviewCommentsAmong(turn.quotes),
    reviews: reviewsAmong(turn.quotes)
  }
}

/** A turn that was cut off may leave half of its edits: they are put aside, and made again. */
const tidy = async (turn) => {
  await turn.run("git", ["merge", "--abort"])
  if (!(await isDirty(turn))) return
  await turn.say("The last turn was cut off in the middle of its edits. They are put aside with `git stash`.")
  await git(turn, "stash", "push", "--quiet", "--include-untracked")
}

/** What the recipe's first commit is called. */
const titleOf = async (turn, base, recipe) => {
  const titles = await git(
    turn,
    "log",
    "--reverse",
    "--format=%s",
    "--fixed-strings",
    `--grep=Recipe: ${recipe}`,
    base === null ? "HEAD" : `${base}..HEAD`
  )
  return titles.split("\n")[0]
}

/** Applies the recipe and commits, unless the branch has that already. */
const solve = async (turn, recipe, base) => {
  const { memory } = turn
  if (memory.change !== undefined && (await hasRecipe(turn, base, recipe.name))) return
  const before = await runTests(turn)
  memory.before = { failed: before.failed, summary: before.summary }
  await turn.say(`The recipe for this issue: ${recipe.about}. Before any change: ${before.summary}.`)
  const change = (await hasRecipe(turn, base, recipe.name))
    ? { title: await titleOf(turn, base, recipe.name), changed: [], entry: null, fixes: [] }
    : await recipe.apply(turn, { failed: before.failed, issue: memory.issue })
  if (change.entry !== null && recipe.leavesOutEntry !== true) await addEntry(turn, change.entry)
  await commitAll(turn, change.title, recipe.name)
  memory.change = change
}

/** Runs the tests on what is committed; fails where something is broken that was not, or is not fixed. */
const prove = async (turn) => {
  const after = await runTests(turn)
  const { before, change } = turn.memory
  const broken = newFailures(before.failed, after.failed)
  const open = change.fixes.filter((name) => after.failed.some((test) => test.name === name))
  if (broken.length + open.length > 0 || (!after.ok && after.failed.length === 0)) {
    const names = [...broken, ...open].map((name) => `"${name}"`).join(", ")
    throw new CannotApply(`after the edits the tests fail: ${names || after.summary}`)
  }
  return after
}

const describe = (memory, after) => {
  const known = after.failed.map(({ name }) => `- ${code(name)}`)
  return signed(
    ...(memory.number === undefined ? [] : [`Closes #${memory.number}`]),
    `## What changed\n\n${memory.change.changed.map((line) => `- ${line}`).join("\n") || "- See the commits."}`,
    `## How it was tested\n\n\`npm test\` before: ${memory.before.summary}. After: ${after.summary}.`,
    ...(known.length > 0 ? [`Failing before and after, and not what this issue is about:\n\n${known.join("\n")}`] : [])
  )
}

/** Brings the branch to the forge and sees that it has a pull request. */
const deliver = async (turn, after) => {
  const { memory } = turn
  const body = describe(memory, after)
  const head = await commitOf(turn, "HEAD")
  await turn.call("push_work")
  if (memory.opened !== true && memory.pullRequest === undefined) {
    await turn.call("open_pull_request", { title: memory.change.title, body })
  } else if (memory.body !== undefined && memory.body !== body) await turn.call("update_pull_request", { body })
  memory.opened = true
  memory.body = body
  return head.slice(0, 9)
}

const noRecipe = (memory) =>
  [
    `This is a script with ${counted(recipes.length, "recipe")}, and none of them fits ${code(memory.issue.title || "an issue whose text it may not read")}. It knows:`,
    ...recipes.map(({ about }) => `- ${about}`),
    "Give the issue to a person, or start Squadron with a real agent (`--agent`). Or say in other words what is meant."
  ].join("\n")

const recipeOf = (memory) =>
  memory.recipe === undefined
    ? recipeFor({ ...memory.issue, body: [memory.issue.body, ...(memory.answers ?? [])].join("\n") })
    : recipeNamed(memory.recipe)

/** Brings the branch up to its base, and to what somebody else put there. */
const catchUp = async (turn, commits) => {
  for (const commit of commits) {
    if (commit === null || (await isAncestor(turn, commit, "HEAD"))) continue
    const files = await mergeBase(turn, commit)
    await turn.say(
      `${commit.slice(0, 9)} is merged${files.length > 0 ? `; both sides are kept in ${files.join(", ")}` : ""}.`
    )
  }
}

/** Squadron says that something is missing, and this turn changed nothing: once more, then a person or an issue decides. */
const stuck = (turn, after, missing) => {
  if (/ failed:/.test(missing) && after.failed.length > 0) return blockedOn(turn, after.failed)
  if (turn.memory.tried !== true) return null
  return askPerson(turn, `Squadron says that ${missing}. The script has done all that it knows. What shall it do?`)
}

/** Solves one of the prepared tasks, answers reviews of it, and brings it up to its base. */
export const developer = async (turn) => {
  const { memory } = turn
  const task = await readTask(turn)
  const recipe = recipeOf(memory)
  if (recipe === undefined) return askPerson(turn, noRecipe(memory))
  memory.recipe = recipe.name
  try {
    await tidy(turn)
    const bases = await basesOf(turn, task.place.conflictsWith, memory.baseBranch)
    const base = await leftBase(turn, bases, "HEAD")
    const began = await commitOf(turn, "HEAD")
    await solve(turn, recipe, base)
    await catchUp(turn, [...bases, task.place.movedTo === undefined ? null : await commitOf(turn, task.place.movedTo)])
    const reviewed = await answerReviews(turn, task, recipe)
    const after = await prove(turn)
    if ((await commitOf(turn, "HEAD")) === began) {
      const { missing } = task.place
      const end = missing === undefined ? null : stuck(turn, after, missing)
      if (end !== null) return await end
      memory.tried = missing !== undefined
      // What is missing may be the pull request itself; opening one that is there only updates it.
      if (missing !== undefined) memory.opened = false
      else if (memory.opened === true && task.spoken.length > 0) {
        return await turn.call("report_no_work", {
          reason: "a script does not understand free text; its work is in the pull request"
        })
      }
    }
    const head = await deliver(turn, after)
    await reviewed.reply(head)
    if (reviewed.unclear.length > 0) {
      return await askPerson(
        turn,
        `A review says what the script has no recipe for: ${reviewed.unclear.map((text) => code(text)).join("; ")}. What shall it do?`
      )
    }
    return await turn.call("report_done", {
      summary: `${memory.change.title}. Tests: ${after.summary}, at ${head}. By a script.`
    })
  } catch (error) {
    if (error instanceof NothingToDo) return turn.call("report_no_work", { reason: error.message })
    if (!(error instanceof CannotApply)) throw error
    return askPerson(
      turn,
      `This is a script, and its recipe "${recipe.name}" does not fit: ${error.message}. What shall it do?`
    )
  }
}
