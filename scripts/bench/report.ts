import { table } from "../../src/cli/render.ts"
import type { Figures } from "./measure.ts"

/** One line of the result: what Squadron came to, beside the raw limit where that has the figure, too. */
export type Row = {
  readonly workload: string
  readonly figure: string
  readonly unit: string
  readonly value: number
  readonly raw: number | null
  readonly ratio: number | null
  readonly target: string
  readonly reached: boolean | null
}

/** The samples of one measurement, by round. */
export type Rounds = { readonly raw: ReadonlyArray<Figures>; readonly squadron: ReadonlyArray<Figures> }

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}

export type Target =
  | { readonly ratio: "≥" | "≤"; readonly bound: number }
  | { readonly value: "≥" | "<" | "="; readonly bound: number }

const isReached = (target: Target, value: number, ratio: number | null): boolean => {
  if ("ratio" in target) {
    if (ratio === null) return false
    return target.ratio === "≥" ? ratio >= target.bound : ratio <= target.bound
  }
  if (target.value === "=") return value === target.bound
  return target.value === "≥" ? value >= target.bound : value < target.bound
}

/**
 * The medians of all rounds. The ratio is the median of the rounds' own ratios, since what else the machine does
 * changes from round to round. Where there must be none of something, the worst round counts instead.
 */
export const row = (
  workload: string,
  figure: string,
  unit: string,
  samples: { readonly raw: ReadonlyArray<number>; readonly squadron: ReadonlyArray<number> },
  target?: Target
): Row => {
  const none = target !== undefined && "value" in target && target.value === "="
  const combine = none ? (values: ReadonlyArray<number>) => Math.max(...values) : median
  const value = combine(samples.squadron)
  const ratios = samples.squadron.map((squadron, round) => squadron / (samples.raw[round] ?? Number.NaN))
  const ratio = none || !ratios.every(Number.isFinite) ? null : median(ratios)
  return {
    workload,
    figure,
    unit,
    value,
    raw: samples.raw.length === 0 ? null : combine(samples.raw),
    ratio,
    target:
      target === undefined
        ? ""
        : "ratio" in target
          ? `${target.ratio} ${target.bound} × raw`
          : `${target.value} ${target.bound}`,
    reached: target === undefined ? null : isReached(target, value, ratio)
  }
}

/** Takes one figure out of all rounds. */
export const pick = (rounds: Rounds, figure: string) => {
  const of = (samples: ReadonlyArray<Figures>) => samples.map((sample) => sample[figure] ?? Number.NaN)
  return { raw: of(rounds.raw), squadron: of(rounds.squadron) }
}

const shown = (value: number | null): string => {
  if (value === null) return ""
  const digits = Number.isInteger(value) || Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export const report = (rows: ReadonlyArray<Row>): string =>
  table(
    ["workload", "figure", "raw", "squadron", "ratio", "target", "reached"],
    rows.map((row) => [
      row.workload,
      `${row.figure}${row.unit === "" ? "" : ` (${row.unit})`}`,
      shown(row.raw),
      shown(row.value),
      row.ratio === null ? "" : row.ratio.toFixed(2),
      row.target,
      row.reached === null ? "" : row.reached ? "yes" : "no"
    ])
  )

export const json = ({ figure, ratio, unit, value, workload }: Row): string =>
  JSON.stringify({ workload, figure, value, unit, ...(ratio === null ? {} : { ratioToRaw: ratio }) })
