// Labels a new issue by what its text says, and gives it to the owners of the files that it names.
import { projectFolder } from "./checkout.mjs"
import { templates } from "./forms.mjs"
import { filesOf, namedIn, ownerRules, ownersOf } from "./owners.mjs"
import { classify } from "./signals.mjs"
import { addLabels, answer, assign, code, comment, done, nothing, ownIssue } from "./turn.mjs"

const route = (issue, folder) => {
  const rules = ownerRules(folder)
  const named = [...namedIn(`${issue.title}\n${issue.body}`, folder, filesOf(folder))].slice(0, 20)
  const tally = new Map()
  for (const [path, definition] of named) {
    for (const owner of ownersOf(path, rules)) tally.set(owner, [...(tally.get(owner) ?? []), { path, definition }])
  }
  const ranked = [...tally].toSorted((a, b) => b[1].length - a[1].length).slice(0, 3)
  const people = ranked
    .map(([owner]) => owner)
    .filter((owner) => /^@[A-Za-z0-9][\w-]*$/.test(owner))
    .map((owner) => owner.slice(1))
  const lines = ranked.map(
    ([owner, places]) =>
      `- ${code(owner.replace(/^@/, ""))} owns ${places
        .slice(0, 3)
        .map(({ definition, path }) => `${code(path)}${definition ? `, where ${code(definition)} is defined` : ""}`)
        .join(" and ")}`
  )
  return { people, lines, named: named.length }
}

await answer(async (turn) => {
  let issue
  try {
    issue = await ownIssue(turn)
  } catch (error) {
    return nothing(error.message)
  }
  if (issue === null) return nothing("this is about no issue")
  if (issue.labels.length > 0 && turn.command === null) {
    return nothing(`it has labels already: ${issue.labels.join(", ")}`)
  }
  const folder = projectFolder()
  const found = classify(issue, templates(folder))
  const { lines, named, people } = route(issue, folder)
  const labels = found ? [found.kind, `priority:${found.priority}`] : ["needs-info"]
  addLabels(labels)
  const assigned = issue.assignees.length === 0 && people.length > 0
  if (assigned) assign(people)
  const because = (list) => (list.length > 0 ? `: ${list.join("; ")}` : "")
  comment(
    [
      found
        ? `**${found.kind}**${because(found.why)}.\n**priority:${found.priority}**${because(found.urgency) || ": nothing in the text makes it more or less urgent than others of its kind"}.`
        : "I cannot tell from the text what this is. Please say what you did, what you expected, and what happened instead.",
      lines.length > 0
        ? `${assigned ? "Assigned" : "Concerns"} by CODEOWNERS:\n${lines.join("\n")}`
        : named > 0
          ? "The files that it names have no owner in CODEOWNERS."
          : "It names no file of the project, so nobody is assigned."
    ].join("\n\n")
  )
  done(`labelled ${labels.join(", ")}${assigned ? `; assigned to ${people.join(", ")}` : ""}`)
})
