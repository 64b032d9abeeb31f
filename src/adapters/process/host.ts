import { randomBytes } from "node:crypto"
import { Effect } from "effect"

/** Completes at the next SIGINT, SIGTERM or SIGHUP. */
export const nextSignal: Effect.Effect<void> = Effect.callback<void>((resume) => {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  const heard = () => resume(Effect.void)
  for (const name of names) process.once(name, heard)
  return Effect.sync(() => {
    for (const name of names) process.off(name, heard)
  })
})

/** Treats the end of the terminal like SIGTERM while the scope is open; by itself it would end the process at once. */
export const hangupAsTerminate = Effect.acquireRelease(
  Effect.sync(() => {
    const forward = () => process.kill(process.pid, "SIGTERM")
    process.on("SIGHUP", forward)
    return forward
  }),
  (forward) => Effect.sync(() => process.off("SIGHUP", forward))
)

/** This process's id. */
export const processId: number = process.pid

/** This process's environment, as it was at the start. */
export const hostEnvironment: Readonly<Record<string, string | undefined>> = { ...process.env }

/** The program that runs this process, absolute. */
export const nodeProgram: string = process.execPath

/** 256 bits that nobody can guess, as 64 characters. */
export const randomToken: Effect.Effect<string> = Effect.sync(() => randomBytes(32).toString("hex"))
