import { Effect } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { CommitText } from "../../services/Workspaces.ts"
import { workspaceFailed } from "./failure.ts"
import type { Folders } from "./folders.ts"
import { type Git, textOf } from "./git.ts"

const unknown = (repository: string, id: string): WorkspaceFailed =>
  new WorkspaceFailed({
    step: "read commits",
    reason: `the mirror of ${repository} has no commit ${id}`,
    remedy: "Look at the work again.",
    retryable: false
  })

/** The commits in what `cat-file --batch` printed, which is bytes, one a character; or the first that is not there. */
const commitsIn = (
  output: string,
  ids: ReadonlyArray<string>
): ReadonlyArray<CommitText> | { readonly lacks: string } => {
  const commits: Array<CommitText> = []
  let at = 0
  for (const id of ids) {
    const line = output.slice(at, output.indexOf("\n", at))
    const size = / commit (\d+)$/.exec(line)?.[1]
    if (size === undefined) return { lacks: id }
    const start = at + line.length + 1
    at = start + Number(size)
    const whole = output.slice(start, at)
    const end = whole.indexOf("\n\n")
    const head = end === -1 ? whole : whole.slice(0, end)
    commits.push({ id, head: textOf(head), message: textOf(whole.slice(head.length).trimStart()) })
    at += 1
  }
  return commits
}

/** Reads commits of the mirror as they are stored, so that nothing that a push would bring along is left out. */
export const makeCommitTexts = (git: Git, folders: Folders) =>
  Effect.fn("Workspaces.commitTexts")(function* (repository: string, ids: ReadonlyArray<string>, limit: number) {
    if (ids.length === 0) return []
    const chunks: Array<Buffer> = []
    // each commit's own line does not count
    let room = limit + ids.length * 100
    yield* git({
      gitDir: folders.mirror(repository),
      args: ["cat-file", "--batch"],
      input: ids.map((id) => `${id}\n`).join(""),
      onOutput: (bytes) => {
        room -= bytes.length
        if (room >= 0) chunks.push(bytes)
        return room >= 0
      }
    }).pipe(Effect.mapError((error) => workspaceFailed("read commits", error)))
    if (room < 0) return null
    const commits = commitsIn(Buffer.concat(chunks).toString("latin1"), ids)
    return "lacks" in commits ? yield* unknown(repository, commits.lacks) : commits
  })
