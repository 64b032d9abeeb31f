/** Which agent is tested; `npm run test:agents` says so in the environment. Without it all of these tests are skipped. */
import { it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { detect } from "../../src/adapters/sandbox/detect.ts"
import { codex, type Recipe, recipes } from "./recipes.ts"
import type * as Stages from "./Stage.ts"

const said = (name: string): string => process.env[`SQUADRON_AGENTS_${name}`] ?? ""

const known = recipes[said("AGENT")]
const notAsked = known === undefined ? "only with `npm run test:agents`" : ""

const program = said("PROGRAM")

export const agentUnderTest = {
  program,
  /** That which npm installed it into, with all that it needs. */
  folder: program.split("/node_modules/")[0] ?? "",
  aimock: said("AIMOCK"),
  recipe: known ?? codex
}

/** Why a test cannot be made here; empty where it can. */
export type Obstacle = string

/** Why other machines may be in reach. */
export const openNetwork: Obstacle = notAsked || said("NETWORK")

const bwrap = notAsked === "" ? await Effect.runPromise(detect) : null

const places = [
  { title: "without a sandbox", sandbox: "off", obstacle: notAsked },
  { title: "in a sandbox", sandbox: "required", obstacle: notAsked || (bwrap?.kind === "none" ? bwrap.reason : "") }
] as const

export type Sandbox = (typeof places)[number]["sandbox"]

/** Milliseconds: a slow agent on a loaded machine. */
const timeout = 240_000

/** A test, or, where it cannot be made, a skipped one whose name says why. */
export const testUnless = <A, E>(obstacle: Obstacle, title: string, body: Effect.Effect<A, E, Scope.Scope>): void =>
  obstacle === ""
    ? it.live(title, () => body, timeout)
    : it.live.skip(`${title} (not here: ${obstacle})`, () => body, timeout)

/** A test with the agent running free, and one with the agent shut in. */
export const agentTest = <Stage extends typeof Stages.stage | typeof Stages.squadron, A, E>(
  title: string,
  stage: Stage,
  body: (sandbox: Sandbox) => Effect.Effect<A, E, Layer.Success<ReturnType<Stage>> | Scope.Scope>,
  /** What it takes that not every agent can. */
  ability?: keyof Recipe["cannot"]
): void => {
  const inability = ability === undefined || known === undefined ? "" : (known.cannot[ability] ?? "")
  for (const { obstacle, sandbox, title: where } of places) {
    const layer = stage(sandbox) as Layer.Layer<Layer.Success<ReturnType<Stage>>, unknown>
    testUnless(obstacle || inability, `${title}, ${where}`, Effect.provide(Effect.scoped(body(sandbox)), layer))
  }
}
