import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"

/** One process, named so that a pid that is used again is never mistaken for it. */
export type ProcessEntry = {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** When the kernel started it, in the kernel's words; equal only for the same process. */
  readonly startTime: string
  /** Grows with the start time; comparable within one boot. */
  readonly order: number
  /** False for a process that has ended and only waits for its parent to notice. */
  readonly alive: boolean
}

/**
 * The machine's processes as they are now. Synchronous, so that nothing of ours happens between looking at a process
 * and sending it a signal.
 */
export type ProcessTable = {
  list(): ReadonlyArray<ProcessEntry>
  find(pid: number): ProcessEntry | undefined
  /** The environment that it was started with, or undefined where that cannot be seen. */
  environment(pid: number): ReadonlyMap<string, string> | undefined
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // It has ended meanwhile, or belongs to another user.
    return undefined
  }
}

const makeProcTable = (): ProcessTable => {
  // Start times count from the boot, so they need its name.
  const boot = (read("/proc/sys/kernel/random/boot_id") ?? "").trim()

  const find = (pid: number): ProcessEntry | undefined => {
    const stat = read(`/proc/${pid}/stat`)
    if (stat === undefined) return undefined
    // The program's name stands in parentheses and may hold any text, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const state = fields[0] ?? ""
    const ticks = fields[19] ?? ""
    return {
      pid,
      parent: Number(fields[1]),
      group: Number(fields[2]),
      startTime: `${ticks}@${boot}`,
      order: Number(ticks),
      alive: state !== "Z" && state !== "X"
    }
  }

  return {
    find,
    list: () =>
      readdirSync("/proc").flatMap((name) => {
        const pid = Number(name)
        const entry = Number.isInteger(pid) ? find(pid) : undefined
        return entry === undefined ? [] : [entry]
      }),
    environment: (pid) => {
      const text = read(`/proc/${pid}/environ`)
      return text === undefined
        ? undefined
        : new Map(
            text.split("\0").flatMap((line) => {
              const equals = line.indexOf("=")
              return equals < 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)] as const]
            })
          )
    }
  }
}

const psLine = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/

/** By way of `ps`: start times to the second, and nobody's environment. */
export const makePsTable = (): ProcessTable => {
  const ps = (...which: ReadonlyArray<string>): ReadonlyArray<ProcessEntry> => {
    let text = ""
    try {
      text = execFileSync("ps", [...which, "-o", "pid=,ppid=,pgid=,stat=,lstart="], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
        stdio: ["ignore", "pipe", "ignore"]
      })
    } catch {
      // `ps` exits with 1 when there is no such process.
      return []
    }
    return text.split("\n").flatMap((line) => {
      const [, pid, parent, group, state = "", started = ""] = psLine.exec(line) ?? []
      if (pid === undefined) return []
      return [
        {
          pid: Number(pid),
          parent: Number(parent),
          group: Number(group),
          startTime: started,
          order: Date.parse(`${started} UTC`),
          alive: !state.startsWith("Z")
        }
      ]
    })
  }
  return { list: () => ps("-ax"), find: (pid) => ps("-p", String(pid))[0], environment: () => undefined }
}

/** The table of this machine: /proc on Linux, `ps` elsewhere. */
export const processTable: ProcessTable = existsSync("/proc/self/stat") ? makeProcTable() : makePsTable()
