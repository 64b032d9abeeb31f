import { setPriority } from "node:os"

/** How much an agent's processes give way to the daemon where both want the processor; as `nice` counts. */
const niceness = 10

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
}
