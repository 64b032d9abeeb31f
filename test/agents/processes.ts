import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { homeVariable, ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../src/adapters/harness/ProcessTable.ts"
import { Place } from "./Stage.ts"

const seen = (look: () => string): string => {
  try {
    return look()
  } catch {
    // it has ended, or is a zombie
    return ""
  }
}

/** The first process of each agent, as the harness has them on record. */
export const leaders = Effect.map(Place, ({ stateDir }) =>
  readdirSync(join(stateDir, "processes")).map((name) => Number.parseInt(name, 10))
)

/**
 * All that lives of the agents of this place: what carries Squadron's mark, and what is at home in the place's folders,
 * for the marks may be what is wrong.
 */
export const survivors = Effect.gen(function* () {
  const { home } = yield* ProcessRecords
  const { root } = yield* Place
  return processTable.list().flatMap(({ alive, pid }) => {
    const cwd = seen(() => readlinkSync(`/proc/${pid}/cwd`))
    const isOurs = processTable.environment(pid)?.get(homeVariable) === home || `${cwd}/`.startsWith(`${root}/`)
    return alive && isOurs && pid !== process.pid ? [pid] : []
  })
})

/** The living processes whose arguments hold this one, wherever they are and whatever they carry. */
export const running = (argument: string): ReadonlyArray<number> =>
  processTable
    .list()
    .filter(
      ({ alive, pid }) =>
        alive &&
        seen(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
          .split("\0")
          .slice(1)
          .includes(argument)
    )
    .map(({ pid }) => pid)

/** The kernel's name of the network that a process is in. */
export const networkOf = (pid: number): string => seen(() => readlinkSync(`/proc/${pid}/ns/net`))
