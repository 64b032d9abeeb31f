export type Source = "stdout" | "stderr"

/** A program to start, as the leader of a session and a process group of its own. */
export type Start = {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly cwd?: string | undefined
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** All its input, bytes, one a character; null where that is given later. */
  readonly input: string | null
}

/** One process; see `ProcessEntry`. */
export type Begun = { readonly pid: number; readonly startTime: string; readonly order: number }

/** A message's share of the window: its bytes, and what it costs by itself. */
export const weigh = (bytes: Uint8Array): number => bytes.byteLength + 1024

/** The weight of one pipe's output that may be on its way to who takes it; a program that prints more has to wait. */
export const outputWindow = 512 * 1024

/** Bytes of input that are told together as read, so that small messages are not told one by one. */
export const readStep = 64 * 1024
