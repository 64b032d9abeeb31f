import { Context, Effect, Layer } from "effect"
import { type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { commitFiles, git, shaOf } from "../../../support/github/gitCommands.ts"
import { suite } from "../../../contract/ForgeContract.ts"
import type { Stage } from "../../../contract/PullRequestContract.ts"
import { layerOn } from "./OnDouble.ts"

/** GitHub, as people and Squadron's mirror reach it. */
class Double extends Context.Service<Double, GitHubDouble>()("test/adapters/forge/github/Double") {
  static readonly layer = Layer.effect(
    Double,
    Effect.tap(makeGitHubDouble, (double) => Effect.sync(() => double.addRepository("acme/other")))
  )
}

const onDouble = (as: "token" | "app") =>
  Layer.unwrap(Effect.map(Double, (double) => layerOn(double, { as, repositories: ["acme/app"] }))).pipe(
    Layer.provideMerge(Double.layer)
  )

const withDouble = <A>(use: (double: GitHubDouble) => A) => Effect.map(Double, use)

/** A commit, or where a branch is. */
const commitOf = (folder: string, name: string): string => shaOf(folder, name) ?? name

const stage: Stage<Double> = {
  start: (files) => withDouble(({ repository: { folder } }) => commitFiles(folder, "main", files, "start", null)),
  push: (branch, files, from = "main") =>
    withDouble(({ repository: { folder } }) => commitFiles(folder, branch, files, "theirs", commitOf(folder, from))),
  work: (files, from = "main") =>
    withDouble(({ mirror, repository: { folder } }) => {
      git(mirror, "fetch", "--quiet", folder, "+refs/heads/*:refs/remotes/forge/*")
      return commitFiles(mirror, "work", files, "work", commitOf(folder, from))
    }),
  files: (branch) =>
    withDouble(({ repository: { folder } }) => {
      if (shaOf(folder, branch) === null) return null
      const paths = git(folder, "ls-tree", "-r", "--name-only", branch).split("\n")
      return Object.fromEntries(paths.map((path) => [path, `${git(folder, "show", `${branch}:${path}`)}\n`]))
    })
}

suite("GitHubForge with a token", onDouble("token"), stage)
suite("GitHubForge as an app", onDouble("app"), stage)
