// Measures Squadron beside the raw limit of the same disk, in one run: `npm run bench -- --help`.
import { parseArgs } from "node:util"
import { cleanUp } from "./bench/child.ts"
import { json, report, type Row } from "./bench/report.ts"
import { workloads } from "./bench/workloads.ts"

const help = `npm run bench -- [options]

Runs Squadron and the raw limit in turn, each sample in a process of its own, and shows the medians.

  W1   throughput: 20,000 events of about 1 KiB to 100 agents, 64 publishers, 50 at once, synchronous=FULL
  W2   what 1,000,000 sleeping agents cost
  W3   from publish to handler for an idle agent, 180 times
  LAT  the same at 500 events a second for 10 seconds
  W4   kill -9 in the middle of the load, and the restart
  W5   W1 with 0, 100,000 and 1,000,000 finished events in the store
  WS   how long a workspace of 5,000 files takes to be ready, beside a plain git clone --shared
  PAR  ten coding agents at once (the scripted one): how long the daemon's event loop is held at most
  TOOLS  a tool call of an agent, beside a bare MCP server of Effect's

  --rounds N    rounds of each workload, 3 unless told
  --only LIST   only these, by name, with commas between: W1,W3
  --quick       smaller sizes, for a first look
  --json        one JSON object a line on stdout: workload, figure, value, unit, and ratioToRaw where there is one
  --help        this text

Raw is node:sqlite with one transaction for all that is pending, promise inboxes and nothing else. Ratios are the
median of the rounds' ratios. Files are written to the system's folder for temporary files (about 10 GiB for W5, 1 GiB
with --quick) and removed at the end. Exit code 1: something was lost, doubled or out of order, or a sample failed;
2: wrong usage. A target that is not reached does not change the exit code.
`

const usage = (problem: string): never => {
  process.stderr.write(`${problem}\nSee npm run bench -- --help\n`)
  process.exit(2)
}

const read = () => {
  try {
    return parseArgs({
      options: {
        rounds: { type: "string", default: "3" },
        only: { type: "string", default: Object.keys(workloads).join(",") },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false }
      }
    }).values
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
}

const options = read()
if (options.help) {
  process.stdout.write(help)
  process.exit(0)
}
const rounds = Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1) usage(`--rounds takes a whole number from 1, not ${options.rounds}`)
const wanted = options.only.split(",").map((name) => name.trim().toUpperCase())
for (const name of wanted) {
  if (!(name in workloads)) usage(`There is no workload ${name}; there are ${Object.keys(workloads).join(", ")}`)
}

process.on("exit", cleanUp)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))

const rows: Array<Row> = []
const progress = (line: string) => process.stderr.write(`${line}\n`)
try {
  for (const [name, workload] of Object.entries(workloads)) {
    if (!wanted.includes(name)) continue
    const found = await workload({ rounds, quick: options.quick, progress })
    rows.push(...found)
    if (options.json) for (const one of found) process.stdout.write(`${json(one)}\n`)
  }
} catch (error) {
  progress(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
if (!options.json) process.stdout.write(`${report(rows)}\n`)
const broken = rows.filter((row) => row.target === "= 0" && row.reached === false && row.figure !== "handled twice")
for (const { figure, value, workload } of broken) progress(`${workload}: ${figure} ${value}`)
if (broken.length > 0) process.exitCode = 1
