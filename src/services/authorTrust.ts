import { Effect } from "effect"
import type { Squad } from "../domain/Role.ts"
import { trustOfAgent } from "../domain/steering.ts"
import { least, type Trust } from "../domain/Trust.ts"
import type { Forge, Written } from "./Forge.ts"

/**
 * How far somebody's words are trusted: of one of our agents as far as its role's reading goes, of anybody else by the
 * forge's permission data; of two who wrote it, the lower. A forge that cannot say now trusts nobody. Each person is
 * asked for once.
 */
export const authorTrust = (
  forge: Forge["Service"],
  squad: Squad,
  repository: string
): ((words: Pick<Written, "author" | "editor" | "agent">) => Effect.Effect<Trust>) => {
  const known = new Map<string, Trust>()
  const person = (login: string): Effect.Effect<Trust> =>
    Effect.suspend(() => {
      const before = known.get(login)
      if (before !== undefined) return Effect.succeed(before)
      return forge.trust(repository, login).pipe(
        Effect.catch(() => Effect.succeed<Trust>("none")),
        Effect.tap((trust) => Effect.sync(() => known.set(login, trust)))
      )
    })
  return Effect.fnUntraced(function* ({ agent, author, editor }) {
    const first =
      agent === undefined ? yield* person(author) : agent === "squadron" ? "admin" : trustOfAgent(squad, agent)
    return editor === null || editor === author ? first : least(first, yield* person(editor))
  })
}
