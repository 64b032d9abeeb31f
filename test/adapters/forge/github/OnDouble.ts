import { assert, vi } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { type GitHubOptions, layer } from "../../../../src/adapters/forge/github/GitHubForge.ts"
import { GitHubClient } from "../../../../src/adapters/forge/github/GitHubClient.ts"
import type { Action, ActionDraft } from "../../../../src/domain/Action.ts"
import * as Subject from "../../../../src/domain/Subject.ts"
import { Forge } from "../../../../src/services/Forge.ts"
import type { GitHubDouble } from "../../../support/GitHubDouble.ts"
import { commitFiles, shaOf } from "../../../support/github/gitCommands.ts"

// git and HTTP are real here, and the machine may be busy
vi.setConfig({ testTimeout: 30_000 })

export const repository = "acme/app"
export const agent = "coder-1-e1"

type Options = Partial<GitHubOptions> & { readonly as?: "token" | "app" }

/** The forge on a double. Writes do not wait for their turn, unless told. */
export const layerOn = (double: GitHubDouble, { as = "token", ...options }: Options = {}) =>
  layer({
    apiUrl: double.apiUrl,
    webUrl: double.webUrl,
    auth: as === "app" ? double.app : double.token,
    mirror: () => double.mirror,
    pause: 0,
    ...options
  })

/** A forge on the double that remembers nothing of what another one did, as after a restart. */
export const forgeOn = (double: GitHubDouble, options: Options = {}) =>
  Effect.map(Layer.build(Layer.fresh(layerOn(double, options))), (context) => Context.get(context, Forge))

/** What the forge asks with. */
export const clientOn = (double: GitHubDouble, options: Options = {}) =>
  Effect.map(Layer.build(Layer.fresh(layerOn(double, options))), (context) => Context.get(context, GitHubClient))

/** An action of an agent on an issue, or on the repository for 0. */
export const draft = (key: string, number: number, action: Action): ActionDraft => ({
  key,
  subject: number === 0 ? Subject.repository(repository) : Subject.issue(repository, number),
  agent,
  depth: 1,
  action
})

/** The same on a pull request. */
export const onPull = (key: string, number: number, action: Action): ActionDraft => ({
  ...draft(key, number, action),
  subject: Subject.pullRequest(repository, number)
})

/** Where a branch of the double's repository is. */
export const branchOf = (double: GitHubDouble, branch: string): string => {
  const sha = shaOf(double.repository.folder, branch)
  assert(sha !== null, `there is a branch ${branch}`)
  return sha
}

/** Opens a pull request of a branch that somebody pushed, with one commit on top of `main`. */
export const openPull = Effect.fnUntraced(function* (
  double: GitHubDouble,
  forge: Forge["Service"],
  files: Readonly<Record<string, string>> = { "README.md": "one\nTWO\nthree\n", "new.txt": "new\n" },
  branch = "work"
) {
  const commit = commitFiles(double.repository.folder, branch, files, "work", branchOf(double, "main"))
  const asked = { title: "work", body: "about work", head: branch, base: "main", draft: false }
  const { pullRequest } = yield* forge.perform(draft(`open ${branch}`, 0, { _tag: "open_pull_request", ...asked }))
  assert(pullRequest !== undefined)
  return { commit, number: pullRequest }
})
