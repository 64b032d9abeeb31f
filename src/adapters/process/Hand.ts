import { Worker } from "node:worker_threads"
import { processTable } from "../harness/ProcessTable.ts"
import { type Begun, outputWindow, type Source, type Start, weigh } from "./handMessages.ts"
import type { Asked, Told } from "./handThread.ts"

/** Who started a program hears of it, one call at a time. First `begun`, or `refused` or `lost` and nothing else. */
export type Listener = {
  readonly begun: (begun: Begun) => void
  /** It could not be started; `code` is the system's, as far as there is one. */
  readonly refused: (why: string, code: string) => void
  /** Not called after `release`. */
  readonly output: (bytes: Buffer, source: Source) => void
  /** Its standard output has ended; not called after `release`. */
  readonly outputEnds?: (() => void) | undefined
  /** Some of its input was read; `unread` bytes still wait. */
  readonly room?: (unread: number) => void
  /** The leader has ended. */
  readonly exited: (code: number | null, signal: string | null) => void
  /** It has ended, and nobody holds its output any more. */
  readonly closed: () => void
  /** Nobody can hear of it any more; where it ran, it was killed. The last call. */
  readonly lost: (why: string) => void
}

/** A program that was asked for. All but `release` is for one that has begun. */
export type Hold = {
  /** Hands it bytes; returns how many wait to be read by it, up to 64 KiB too many. One that reads no more is fine. */
  readonly send: (bytes: Uint8Array) => number
  /** No more input comes. */
  readonly end: () => void
  /** Takes no more of its standard output for now, so that it has to wait. */
  readonly pause: () => void
  readonly resume: () => void
  /** Lets go of its pipes, whoever still holds their other ends. */
  readonly release: () => void
}

/** Starts programs in a thread of its own, which is made when it is first needed, and again where it was lost. */
export type Hand = {
  readonly start: (start: Start, listener: Listener) => Hold
  /** Ends the thread, and with it every program that it started. */
  readonly end: () => Promise<void>
}

type Entry = {
  readonly start: Start
  readonly hear: (told: Told) => void
  readonly lose: (why: string) => void
}

const script = new URL(import.meta.url.endsWith(".ts") ? "./handThread.ts" : "./handThread.js", import.meta.url)

/** Kills all that has stayed in the process group of this leader. */
export const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // all of it has ended
  }
}

/** A program that has just begun, or just becomes another, shows no environment for a moment. */
const environmentOf = (pid: number): ReadonlyMap<string, string> => {
  let environment = processTable.environment(pid)
  for (let looks = 1; (environment?.size ?? 0) === 0 && looks < 100; looks++) {
    environment = processTable.environment(pid)
  }
  return environment ?? new Map()
}

/** Children of this process that were started with this environment, and of which the thread told nothing any more. */
const untold = ({ env }: Start): ReadonlyArray<number> =>
  processTable.list().flatMap(({ alive, group, parent, pid }) => {
    if (!alive || parent !== process.pid || group !== pid) return []
    const environment = environmentOf(pid)
    return Object.entries(env).every(([name, is]) => environment.get(name) === is) ? [pid] : []
  })

const makeEntry = (start: Start, listener: Listener, ask: (asked: Asked) => void, id: number, gone: () => void) => {
  let begun: Begun | undefined
  let hasExited = false
  let isReleased = false
  let isInputOpen = true
  let unread = 0
  let isPaused = false
  let isHanding = false
  /** What came while it was paused, and after that. */
  const waiting: Array<Told> = []
  const owed = { stdout: 0, stderr: 0 }

  const isHeld = () => isPaused && !isReleased

  const take = ({ output, source }: Extract<Told, { readonly output: unknown }>): void => {
    if (isReleased) return
    owed[source] += weigh(output)
    listener.output(Buffer.from(output.buffer, output.byteOffset, output.byteLength), source)
    if (owed[source] < outputWindow / 4) return
    ask({ id, taken: owed[source], source })
    owed[source] = 0
  }

  const act = (told: Told): void => {
    if ("output" in told) return take(told)
    if ("outputEnds" in told) return isReleased ? undefined : listener.outputEnds?.()
    if ("closed" in told) {
      gone()
      listener.closed()
    }
  }

  const hear = (told: Told): void => {
    if ("begun" in told) {
      begun = told.begun
      listener.begun(begun)
    } else if ("refused" in told) {
      gone()
      listener.refused(told.refused, told.code)
    } else if ("read" in told) {
      unread -= told.read
      listener.room?.(unread)
    } else if ("inputClosed" in told) {
      isInputOpen = false
      listener.room?.(0)
    } else if ("code" in told) {
      hasExited = true
      listener.exited(told.code, told.signal)
    } else if ("output" in told && told.source === "stderr") take(told)
    else if (waiting.length > 0 || ("output" in told && isHeld())) waiting.push(told)
    else act(told)
  }

  /** Not within itself: who is handed a piece may ask for more while it takes that. */
  const handOn = (): void => {
    if (isHanding) return
    isHanding = true
    while (!isHeld()) {
      const told = waiting.shift()
      if (told === undefined) break
      act(told)
    }
    isHanding = false
  }

  const lose = (why: string): void => {
    if (begun === undefined) for (const pid of untold(start)) killGroup(pid)
    // one that has ended, and was not waited for, keeps its pid
    else if (!hasExited && processTable.find(begun.pid)?.startTime === begun.startTime) killGroup(begun.pid)
    listener.lost(why)
  }

  const hold: Hold = {
    send: (bytes) => {
      if (!isInputOpen) return 0
      unread += bytes.byteLength
      ask({ id, input: new Uint8Array(bytes) })
      return unread
    },
    end: () => ask({ id, inputEnds: true }),
    pause: () => {
      isPaused = true
    },
    resume: () => {
      isPaused = false
      handOn()
    },
    release: () => {
      if (isReleased) return
      isReleased = true
      ask({ id, release: true })
      handOn()
    }
  }
  return { entry: { start, hear, lose } satisfies Entry, hold }
}

/** `name` is the thread's. It keeps this process alive as long as a program runs that it started. */
export const makeHand = (name: string): Hand => {
  const entries = new Map<number, Entry>()
  let thread: Worker | null = null
  let asked = 0

  const lose = (why: string): void => {
    thread = null
    const all = [...entries.values()]
    entries.clear()
    for (const { lose } of all) lose(why)
  }

  const theThread = (): Worker => {
    if (thread !== null) return thread
    // this process's own arguments, a preload or an expression to evaluate, are not for it
    const made = new Worker(script, { name, execArgv: [] })
    let why = "its thread has ended"
    made.on("message", (told: Told) => entries.get(told.id)?.hear(told))
    made.once("error", (error) => (why = `its thread has ended: ${error.message}`))
    // comes after the last message, and after an error
    made.once("exit", () => lose(why))
    thread = made
    return made
  }

  return {
    start: (start, listener) => {
      const id = ++asked
      const worker = theThread()
      const ask = (asked: Asked): void => {
        // where the thread was lost since, so is the program
        if (!entries.has(id)) return
        worker.postMessage(asked, "input" in asked ? [asked.input.buffer as ArrayBuffer] : [])
      }
      const { entry, hold } = makeEntry(start, listener, ask, id, () => {
        entries.delete(id)
        if (entries.size === 0) worker.unref()
      })
      entries.set(id, entry)
      worker.ref()
      ask({ id, start })
      return hold
    },
    end: async () => void (await thread?.terminate())
  }
}

/** What starts the programs of this process. */
export const hand: Hand = makeHand("processes")
