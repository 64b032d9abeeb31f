import { Cache, Duration, Effect, Exit } from "effect"
import { Trust } from "../../../domain/Trust.ts"
import { Permission } from "./answers.ts"
import type { GitHubFault } from "./fault.ts"
import type { GitHubClient } from "./GitHubClient.ts"

/** How long an answer of GitHub's is believed. */
const believed = "5 minutes"

const levels: ReadonlyMap<string, Trust> = new Map(Trust.literals.map((level) => [level, level]))

/** A role by its own name where it is one of GitHub's, else by the access that an organization's own role is based on. */
export const trustFor = ({ permission, role_name: role }: typeof Permission.Type): Trust =>
  levels.get(role ?? "") ?? levels.get(permission) ?? "none"

/** A login that GitHub may know; of anything else it is not asked. */
const isLogin = (login: string): boolean => /^[a-z\d](?:[a-z\d_-]*)(?:\[bot\])?$/i.test(login)

/** What people may do in a repository, asked once in five minutes; faults are not remembered. */
export const makePermissions = Effect.fnUntraced(function* (client: GitHubClient["Service"]) {
  const known = yield* Cache.makeWith(
    (key: string): Effect.Effect<Trust, GitHubFault> => {
      const [repository = "", login = ""] = key.split(" ")
      return client.get(`/repos/${repository}/collaborators/${encodeURIComponent(login)}/permission`, Permission).pipe(
        Effect.map(trustFor),
        Effect.catchIf(
          (fault) => fault.status === 404,
          () => Effect.succeed<Trust>("none")
        )
      )
    },
    {
      capacity: 10_000,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.fromInputUnsafe(believed) : Duration.zero)
    }
  )
  return (repository: string, login: string): Effect.Effect<Trust, GitHubFault> =>
    isLogin(login) ? Cache.get(known, `${repository} ${login.toLowerCase()}`) : Effect.succeed("none")
})
