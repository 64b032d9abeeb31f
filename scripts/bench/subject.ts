/** One event of the workloads: about 1 KiB. */
export type Job = {
  readonly key: string
  readonly agent: number
  readonly n: number
  readonly pad: string
}

/** `lanes` publishers, never two at once for one agent, so that each agent's order is well defined. */
export type Load = {
  readonly events: number
  readonly agents: number
  readonly lanes: number
  readonly onAccepted?: (job: Job) => void
}

/** A subject at work on one store. */
export type Handle = {
  /** Resolves when the event is durable. */
  publish(job: Job): Promise<void>
  /** Publishes in lanes, as `Load` says; resolves when the last is durable. */
  produce(load: Load): Promise<void>
  /** Resolves when every event is done and that is durable. */
  drained(): Promise<void>
  /** Lightweight threads that are alive, where the subject can count them. */
  fibers(): number
  close(): Promise<void>
}

/** What is measured: Squadron, or the raw limit. */
export type Subject = {
  readonly open: (options: {
    readonly dir: string
    readonly concurrency: number
    /**
     * The handler: what one agent has to do next, in order. The raw limit hands out one event at a time, Squadron all
     * that wait for the agent, as one turn.
     */
    readonly handle: (jobs: ReadonlyArray<Job>) => Promise<void> | void
    /** Whether `fibers` shall count; costs a little per fiber. */
    readonly counting?: boolean
  }) => Promise<Handle>
  /** Puts finished events into an empty store, as the subject itself would have left them. */
  readonly fillFinished: (dir: string, count: number) => Promise<void>
  /** Puts idle agents into an empty store. */
  readonly fillSleepers: (dir: string, count: number) => Promise<void>
}

export const agents = 100

const pad = "x".repeat(900)

export const makeJob = (agent: number, n: number, prefix = ""): Job => ({
  key: `${prefix}${agent}/${n}`,
  agent,
  n,
  pad
})

/** The load through promises. */
export const produce = async (publish: (job: Job) => Promise<void>, load: Load): Promise<void> => {
  const turns = turnsOf(load)
  const lane = async () => {
    for (let job = turns.next(); job !== null; job = turns.next()) {
      await publish(job)
      load.onAccepted?.(job)
      turns.done(job)
    }
  }
  await Promise.all(Array.from({ length: load.lanes }, lane))
}

/** Hands out jobs so that no agent has two in flight; there are more agents than lanes, so one is always free. */
export const turnsOf = (load: Load) => {
  const free = Array.from({ length: load.agents }, (_, i) => i)
  const counts = Array.from({ length: load.agents }, () => 0)
  let issued = 0
  return {
    next: (): Job | null => {
      const agent = issued < load.events ? free.shift() : undefined
      if (agent === undefined) return null
      issued++
      const n = counts[agent] ?? 0
      counts[agent] = n + 1
      return makeJob(agent, n)
    },
    done: (job: Job) => {
      free.push(job.agent)
    }
  }
}
