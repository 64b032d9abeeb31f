import { Clock, type Duration, Duration as Durations, Effect } from "effect"
import { type ProcessEntry, type ProcessTable, processTable } from "./ProcessTable.ts"

/** What belongs together: the groups of these leaders, all that carry these marks, and the descendants of both. */
export type Family = {
  readonly leaders: ReadonlyArray<Pick<ProcessEntry, "pid" | "startTime">>
  /** Environment variables with their values; a process must have all of them. None marks nothing. */
  readonly marks: ReadonlyMap<string, string>
  /** Nothing that started before this belongs to it; see `ProcessEntry.order`. */
  readonly since: number
}

/** Real processes take real time, whatever the clock of the program says. */
const onRealTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

/** Waits in real time. */
export const realSleep = (duration: Duration.Input): Effect.Effect<void> => onRealTime(Effect.sleep(duration))

const isSame = (entry: ProcessEntry | undefined, other: Pick<ProcessEntry, "startTime">): boolean =>
  entry?.startTime === other.startTime

/** Whether this very process, and not a later one with its pid, still runs. */
export const isAlive = (
  process: Pick<ProcessEntry, "pid" | "startTime">,
  table: ProcessTable = processTable
): boolean => {
  const entry = table.find(process.pid)
  return entry !== undefined && entry.alive && isSame(entry, process)
}

const isMarked = (table: ProcessTable, pid: number, marks: Family["marks"]): boolean => {
  const environment = marks.size === 0 ? undefined : table.environment(pid)
  return environment !== undefined && [...marks].every(([name, value]) => environment.get(name) === value)
}

/** This process and those above it, which are never anyone's to end. */
const ownLine = (entries: ReadonlyMap<number, ProcessEntry>): ReadonlySet<number> => {
  const line = new Set<number>()
  for (let pid = process.pid; pid > 0 && !line.has(pid); pid = entries.get(pid)?.parent ?? 0) line.add(pid)
  return line
}

/**
 * The living members of a family. `known` are members seen before: their descendants count too, which finds
 * processes that have left the group and hidden their marks since.
 */
export const findFamily = (
  family: Family,
  known: ReadonlyArray<ProcessEntry> = [],
  table: ProcessTable = processTable
): ReadonlyArray<ProcessEntry> => {
  const entries = new Map(table.list().map((entry) => [entry.pid, entry]))
  const own = ownLine(entries)
  // A group keeps its number as long as it has members, so a leader that is gone does not make the group another's.
  const groups = new Set(
    family.leaders
      .filter(({ pid, startTime }) => {
        const entry = entries.get(pid)
        return entry === undefined || entry.startTime === startTime
      })
      .map(({ pid }) => pid)
  )
  const members = new Map(
    known.filter((entry) => isSame(entries.get(entry.pid), entry)).map((entry) => [entry.pid, entry])
  )
  const rest = [...entries.values()].filter((entry) => entry.order >= family.since && !own.has(entry.pid))
  for (const entry of rest) {
    if (groups.has(entry.group) || isMarked(table, entry.pid, family.marks)) members.set(entry.pid, entry)
  }
  for (let grown = true; grown;) {
    grown = false
    for (const entry of rest) {
      if (members.has(entry.parent) && !members.has(entry.pid)) {
        members.set(entry.pid, entry)
        grown = true
      }
    }
  }
  return [...members.values()].filter((entry) => entries.get(entry.pid)?.alive === true)
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal, or is not ours to signal; the next look tells.
  }
}

const sendAll = (members: ReadonlyArray<ProcessEntry>, leaders: Family["leaders"], signal: NodeJS.Signals): void => {
  for (const { pid } of leaders) {
    // To the whole group at once, so that a child forked meanwhile gets it too.
    if (members.some((member) => member.group === pid)) send(-pid, signal)
  }
  const groups = new Set(leaders.map(({ pid }) => pid))
  for (const member of members) {
    if (!groups.has(member.group)) send(member.pid, signal)
  }
}

const awaitDeath = Effect.fnUntraced(function* (members: ReadonlyArray<ProcessEntry>, millis: number) {
  for (let waited = 0, pause = 5; waited < millis && members.some((member) => isAlive(member)); waited += pause) {
    yield* Effect.sleep(pause)
    pause = Math.min(pause * 2, 50)
  }
})

/** How often SIGKILL is sent before giving up: only the kernel itself can hold a process longer. */
const killRounds = 10

/**
 * Ends a family: SIGTERM, after `killAfter` SIGKILL, until nothing of it is left; returns who was in it.
 *
 * Takes `killAfter` and 5 seconds at most, in real time; a process that survives even that is logged.
 */
export const endFamily = (
  family: Family,
  killAfter: Duration.Input,
  onFound: (member: ProcessEntry) => void = () => {}
): Effect.Effect<ReadonlyArray<ProcessEntry>> =>
  Effect.gen(function* () {
    const seen = new Map<number, ProcessEntry>()
    const look = () => {
      const living = findFamily(family, [...seen.values()])
      for (const member of living) {
        if (!isSame(seen.get(member.pid), member)) onFound(member)
        seen.set(member.pid, member)
      }
      return living
    }
    let living = look()
    if (living.length === 0) return []
    sendAll(living, family.leaders, "SIGTERM")
    yield* awaitDeath(living, Durations.toMillis(Durations.fromInputUnsafe(killAfter)))
    for (let round = 0; round < killRounds; round++) {
      living = look()
      if (living.length === 0) return [...seen.values()]
      sendAll(living, family.leaders, "SIGKILL")
      yield* awaitDeath(living, 500)
    }
    yield* Effect.logError(
      `These processes do not end, not even by SIGKILL: ${living.map(({ pid }) => pid).join(", ")}. Look at them with \`ps\`.`
    )
    return [...seen.values()]
  }).pipe(onRealTime)
