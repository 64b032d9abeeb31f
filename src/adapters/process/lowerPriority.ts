import { writeFileSync } from "node:fs"
import { setPriority } from "node:os"

/** How much an agent's processes give way to the daemon where both want the processor; as `nice` counts. */
const niceness = 10

/** Milliseconds between two tries: the kernel lets a user change one session's share in a tenth of a second. */
const pause = 110

/** Programs whose turn it is not yet. */
const waiting = new Set<number>()
let timer: NodeJS.Timeout | undefined

/**
 * Where the kernel shares the processor out among sessions (`sched_autogroup_enabled`), niceness counts within one only,
 * and every program here has a session of its own: so the session itself has to be nice. False where it is to be tried
 * again later.
 */
const lowerSession = (pid: number): boolean => {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
    return true
  } catch (cause) {
    // else sessions have no shares, it has ended, or the system does not let us: then it runs as it is
    return !(cause instanceof Error && "code" in cause && cause.code === "EAGAIN")
  }
}

const lowerWaiting = (): void => {
  timer = undefined
  for (const pid of waiting) {
    if (!lowerSession(pid)) break
    waiting.delete(pid)
  }
  if (waiting.size > 0) timer = setTimeout(lowerWaiting, pause).unref()
}

/**
 * Lets a program that has just begun, and all that it will start, give way to the daemon: many agents at work must not
 * keep it from answering. They are no slower where nobody else wants the processor.
 */
export const lowerPriority = (pid: number): void => {
  try {
    setPriority(pid, niceness)
  } catch {
    // it has ended, or the system does not let us: then it runs as it is
  }
  if (lowerSession(pid)) return
  waiting.add(pid)
  timer ??= setTimeout(lowerWaiting, pause).unref()
}
