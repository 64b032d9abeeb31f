// One sample in one process: `node scripts/bench/sample.ts '<Sample as JSON>'`; its figures are the last line of stdout.
import { crash, type Figures, sleepers, steady, throughput, wake } from "./measure.ts"
import { raw } from "./raw.ts"
import { squadron } from "./squadron.ts"

/** What a process shall do: one measurement, or filling a store for others. */
export type Sample = {
  readonly subject: "raw" | "squadron"
  /** The folder of the store. */
  readonly dir: string
} & (
  | { readonly task: "fillFinished" | "fillSleepers" | "throughput" | "wake"; readonly size: number }
  | { readonly task: "sleepers" }
  | { readonly task: "steady"; readonly perSecond: number; readonly seconds: number }
  /** Each thing that happens is a line in `log`; `events` is 0 after the restart. */
  | { readonly task: "crash"; readonly log: string; readonly events: number }
)

const run = async (sample: Sample): Promise<Figures> => {
  const subject = sample.subject === "raw" ? raw : squadron
  switch (sample.task) {
    case "throughput":
      return throughput(subject, sample.dir, sample.size)
    case "wake":
      return wake(subject, sample.dir, sample.size)
    case "sleepers":
      return sleepers(subject, sample.dir)
    case "steady":
      return steady(subject, sample.dir, sample.perSecond, sample.seconds)
    case "crash":
      return crash(subject, sample.dir, sample.log, sample.events)
    case "fillFinished":
      await subject.fillFinished(sample.dir, sample.size)
      return {}
    case "fillSleepers":
      await subject.fillSleepers(sample.dir, sample.size)
      return {}
  }
}

const figures = await run(JSON.parse(process.argv[2] ?? ""))
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
