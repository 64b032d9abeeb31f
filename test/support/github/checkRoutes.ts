import { tryGit } from "./gitCommands.ts"
import * as render from "./render.ts"
import { type AskedOfRepository, created, invalid, paged, type Reply, type Route, textIn } from "./Route.ts"
import { nextId } from "./State.ts"

const onCommit =
  (answer: (asked: AskedOfRepository, sha: string) => Reply) =>
  (asked: AskedOfRepository): Reply => {
    const sha = asked.parts[0] ?? ""
    return tryGit(asked.repository.folder, "cat-file", "-e", `${sha}^{commit}`) === null
      ? invalid(`No commit found for SHA: ${sha}`)
      : answer(asked, sha)
  }

export const checkRoutes: ReadonlyArray<Route<AskedOfRepository>> = [
  {
    method: "GET",
    path: /^\/commits\/([0-9a-f]+)\/statuses$/,
    answer: onCommit((asked, sha) =>
      paged(
        asked,
        asked.repository.statuses
          .filter((row) => row.sha === sha)
          .toReversed()
          .map(render.status)
      )
    )
  },
  {
    method: "POST",
    path: /^\/statuses\/([0-9a-f]+)$/,
    answer: onCommit(({ body, repository, state, who }, sha) => {
      const description = textIn(body, "description") ?? ""
      const result = textIn(body, "state") ?? ""
      if (!["error", "failure", "pending", "success"].includes(result)) {
        return invalid("Validation Failed", { resource: "Status", field: "state", code: "invalid" })
      }
      if (description.length > 140)
        return invalid("Validation Failed", "description is too long (maximum is 140 characters)")
      const row = {
        sha,
        context: textIn(body, "context") ?? "default",
        state: result,
        description,
        url: textIn(body, "target_url"),
        creator: who.login,
        at: state.now()
      }
      repository.statuses.push(row)
      return created(render.status(row))
    })
  },
  {
    method: "GET",
    path: /^\/commits\/([0-9a-f]+)\/check-runs$/,
    answer: onCommit((asked, sha) => {
      const name = asked.query.get("check_name")
      const rows = asked.repository.runs.filter((row) => row.sha === sha && (name === null || row.name === name))
      const latest = [...new Map(rows.map((row) => [`${row.app} ${row.name}`, row])).values()]
      const shown = asked.query.get("filter") === "all" ? rows : latest
      return paged(asked, shown.toReversed().map(render.checkRun), (page) => ({
        total_count: shown.length,
        check_runs: page
      }))
    })
  },
  {
    method: "POST",
    path: /^\/check-runs$/,
    answer: (asked) => {
      const { body, repository, state, who } = asked
      if (who.owner === null) {
        return { status: 403, body: { message: "You must authenticate via a GitHub App." } }
      }
      const sha = textIn(body, "head_sha") ?? ""
      if (tryGit(repository.folder, "cat-file", "-e", `${sha}^{commit}`) === null) {
        return invalid(`No commit found for SHA: ${sha}`)
      }
      const output = (body["output"] ?? {}) as { readonly title?: string; readonly summary?: string }
      const row = {
        id: nextId(state),
        sha,
        name: textIn(body, "name") ?? "",
        status: textIn(body, "status") ?? "queued",
        conclusion: textIn(body, "conclusion"),
        externalId: textIn(body, "external_id") ?? "",
        title: output.title ?? null,
        summary: output.summary ?? null,
        app: 7,
        at: state.now()
      }
      repository.runs.push(row)
      return created(render.checkRun(row))
    }
  }
]
