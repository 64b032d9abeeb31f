import { setTimeout as sleep } from "node:timers/promises"
import { copyOf, discard, folder, measure } from "./child.ts"
import { crashAndRestart } from "./crash.ts"
import type { Figures } from "./measure.ts"
import { parallelAgents } from "./parallel.ts"
import { pick, row, type Rounds, type Row, type Target } from "./report.ts"
import type { Sample } from "./sample.ts"
import { tools } from "./tools.ts"
import { workspace } from "./workspace.ts"

export type Plan = {
  readonly rounds: number
  readonly quick: boolean
  readonly progress: (line: string) => void
}

type Name = Sample["subject"]

/** Takes turns, and who begins changes too, so that a drift of the machine meets both alike. */
const alternate = async (plan: Plan, what: string, sample: (subject: Name) => Promise<Figures>): Promise<Rounds> => {
  const rounds: { readonly [Subject in Name]: Array<Figures> } = { raw: [], squadron: [] }
  for (let round = 0; round < plan.rounds; round++) {
    const order: ReadonlyArray<Name> = round % 2 === 0 ? ["raw", "squadron"] : ["squadron", "raw"]
    for (const subject of order) {
      const figures = await sample(subject)
      rounds[subject].push(figures)
      const shown = Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toFixed(2))}`)
      plan.progress(`${what}, round ${round + 1} of ${plan.rounds}, ${subject}: ${shown.join(", ")}`)
    }
  }
  return rounds
}

const inFolder = async (sample: (dir: string) => Promise<Figures>, dir = folder()): Promise<Figures> => {
  try {
    return await sample(dir)
  } finally {
    discard(dir)
  }
}

const none: Target = { value: "=", bound: 0 }
const thousands = (n: number) => n.toLocaleString("en-US")

const w1 = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const size = plan.quick ? 5_000 : 20_000
  const rounds = await alternate(plan, "W1", (subject) =>
    inFolder((dir) => measure({ subject, dir, task: "throughput", size }))
  )
  return [
    row("W1", "publishes", "1/s", pick(rounds, "publishes")),
    row("W1", "end to end", "1/s", pick(rounds, "endToEnd"), { ratio: "≥", bound: 0.5 }),
    row("W1", "cpu per event", "µs", pick(rounds, "cpu")),
    row("W1", "rss", "MiB", pick(rounds, "rss")),
    row("W1", "lost", "", pick(rounds, "lost"), none),
    row("W1", "twice or out of order", "", pick(rounds, "wrong"), none)
  ]
}

const w2 = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const size = plan.quick ? 100_000 : 1_000_000
  const subject = "squadron"
  const template = folder()
  plan.progress(`W2, filling a store with ${thousands(size)} sleeping agents`)
  await measure({ subject, dir: template, task: "fillSleepers", size })
  const samples: { readonly empty: Array<Figures>; readonly full: Array<Figures> } = { empty: [], full: [] }
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [kind, dir] of [
      ["empty", folder()],
      ["full", copyOf(template)]
    ] as const) {
      const figures = await inFolder((dir) => measure({ subject, dir, task: "sleepers" }), dir)
      samples[kind].push(figures)
      const rss = (figures["rss"] ?? 0).toFixed(1)
      plan.progress(`W2, round ${round} of ${plan.rounds}, ${kind}: rss ${rss} MiB, ${figures["fibers"]} fibers`)
    }
  }
  discard(template)
  const of = (kind: "empty" | "full", figure: string) => samples[kind].map((sample) => sample[figure] ?? Number.NaN)
  const alone = (figure: string, unit: string, values: ReadonlyArray<number>, target?: Target) =>
    row("W2", figure, unit, { raw: [], squadron: values }, target)
  const more = (figure: string) => of("full", figure).map((value, i) => value - (of("empty", figure)[i] ?? Number.NaN))
  const many = `with ${thousands(size)} sleeping agents`
  return [
    alone("rss without agents", "MiB", of("empty", "rss")),
    alone(`rss ${many}`, "MiB", of("full", "rss")),
    alone(`more rss ${many}`, "MiB", more("rss"), { value: "<", bound: 50 }),
    alone("fibers without agents", "", of("empty", "fibers")),
    alone(`fibers ${many}`, "", of("full", "fibers")),
    alone(`more fibers ${many}`, "", more("fibers"), none),
    alone("opening the store without agents", "ms", of("empty", "start")),
    alone(`opening the store ${many}`, "ms", of("full", "start")),
    alone(`first event ${many}`, "ms", of("full", "wake"))
  ]
}

const latencyRows = (workload: string, rounds: Rounds, target?: Target): ReadonlyArray<Row> => [
  row(workload, "publish → handler, p50", "ms", pick(rounds, "p50"), target),
  row(workload, "publish → handler, p99", "ms", pick(rounds, "p99"), target),
  row(workload, "lost", "", pick(rounds, "lost"), none)
]

const w3 = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const size = plan.quick ? 60 : 180
  const rounds = await alternate(plan, "W3", (subject) =>
    inFolder((dir) => measure({ subject, dir, task: "wake", size }))
  )
  return latencyRows("W3", rounds, { ratio: "≤", bound: 2 })
}

const lat = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const seconds = plan.quick ? 3 : 10
  const rounds = await alternate(plan, "LAT", (subject) =>
    inFolder((dir) => measure({ subject, dir, task: "steady", perSecond: 500, seconds }))
  )
  return latencyRows("LAT", rounds)
}

const w4 = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const options = plan.quick
    ? { events: 5_000, killAfter: 1_500, patience: 60_000 }
    : { events: 20_000, killAfter: 6_000, patience: 120_000 }
  const rounds = await alternate(plan, "W4", (subject) => crashAndRestart(subject, options))
  return [
    row("W4", "accepted before the kill", "", pick(rounds, "accepted")),
    row("W4", "of these not handled yet", "", pick(rounds, "waiting")),
    row("W4", "lost", "", pick(rounds, "lost"), none),
    row("W4", "handled twice", "", pick(rounds, "handledTwice"), none),
    row("W4", "started again", "", pick(rounds, "startedAgain")),
    row("W4", "its 20 ms done again", "", pick(rounds, "workedTwice")),
    row("W4", "restart → program loaded", "ms", pick(rounds, "up")),
    row("W4", "restart → first handler", "ms", pick(rounds, "firstHandler"), { ratio: "≤", bound: 5 }),
    row("W4", "restart → all done", "ms", pick(rounds, "done"))
  ]
}

const w5 = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const sizes = plan.quick ? [0, 100_000] : [0, 100_000, 1_000_000]
  const templates = new Map<string, string>()
  for (const subject of ["raw", "squadron"] as const) {
    for (const size of sizes) {
      const dir = folder()
      templates.set(`${subject} ${size}`, dir)
      if (size === 0) continue
      plan.progress(`W5, filling ${subject} with ${thousands(size)} finished events`)
      await measure({ subject, dir, task: "fillFinished", size })
    }
  }
  const rounds = await alternate(plan, "W5", async (subject) => {
    const figures: { [name: string]: number } = {}
    for (const size of sizes) {
      const dir = copyOf(templates.get(`${subject} ${size}`) ?? "")
      // a disk that has just taken gigabytes is busy with them for a while, on its own account
      await sleep(plan.quick ? 500 : 3_000)
      const { endToEnd, lost } = await inFolder(
        (dir) => measure({ subject, dir, task: "throughput", size: plan.quick ? 5_000 : 20_000 }),
        dir
      )
      figures[`at ${size}`] = endToEnd ?? Number.NaN
      figures["lost"] = (figures["lost"] ?? 0) + (lost ?? Number.NaN)
    }
    return figures
  })
  for (const dir of templates.values()) discard(dir)
  const against = (size: number) => {
    const [full, empty] = [pick(rounds, `at ${size}`), pick(rounds, "at 0")]
    const divide = (name: Name) => full[name].map((value, i) => value / (empty[name][i] ?? Number.NaN))
    return { raw: divide("raw"), squadron: divide("squadron") }
  }
  return [
    ...sizes.map((size) =>
      row("W5", `end to end with ${thousands(size)} finished events`, "1/s", pick(rounds, `at ${size}`))
    ),
    ...sizes
      .filter((size) => size > 0)
      .map((size) =>
        row("W5", `${thousands(size)} against the empty store`, "", against(size), { value: "≥", bound: 0.8 })
      ),
    row("W5", "lost", "", pick(rounds, "lost"), none)
  ]
}

const parallel = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const samples: Array<{ readonly daemon: Figures; readonly idle: Figures }> = []
  for (let round = 1; round <= plan.rounds; round++) {
    const sample = await parallelAgents()
    samples.push(sample)
    const gap = (of: Figures) => (of["max"] ?? 0).toFixed(1)
    plan.progress(
      `PAR, round ${round} of ${plan.rounds}: longest gap ${gap(sample.daemon)} ms, of an idle program ${gap(sample.idle)} ms`
    )
  }
  const of = (subject: "daemon" | "idle", name: string) => samples.map((sample) => sample[subject][name] ?? Number.NaN)
  const gap = (figure: string, name: string, target?: Target) =>
    row("PAR", figure, "ms", { raw: of("idle", name), squadron: of("daemon", name) }, target)
  const alone = (figure: string, name: string) => row("PAR", figure, "ms", { raw: [], squadron: of("daemon", name) })
  return [
    gap("longest gap of the event loop, ten agents at work", "max", { value: "<", bound: 50 }),
    gap("longest gap, without waiting for a processor", "held", { value: "<", bound: 50 }),
    gap("its 99.9th percentile", "p999"),
    gap("its 99th percentile", "p99"),
    alone("CPU of the daemon", "cpu"),
    alone("from ten issues to ten pull requests", "wall")
  ]
}

/** All workloads, in the order in which they run. */
export const workloads: { readonly [Name in string]: (plan: Plan) => Promise<ReadonlyArray<Row>> } = {
  W1: w1,
  W2: w2,
  W3: w3,
  LAT: lat,
  W4: w4,
  W5: w5,
  WS: workspace,
  PAR: parallel,
  TOOLS: tools
}
