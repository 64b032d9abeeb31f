import { Effect, Path } from "effect"
import type { Settings } from "../../adapters/config/Settings.ts"
import { presets } from "../../adapters/harness/acp/presets.ts"
import type { HarnessSpec, Role } from "../../domain/Role.ts"
import { type Check, missing, ok, warning } from "./Check.ts"
import { programAt, variable } from "./programs.ts"
import type { Look } from "./visibility.ts"

type ProgramSpec = Exclude<HarnessSpec, { readonly _tag: "function" }>

const installed = (program: string, namedIn: string): string => {
  const preset = Object.values(presets).find(({ run }) => run[0] === program)
  return preset === undefined
    ? `Install it, or name another program in ${namedIn}.`
    : `Install ${preset.title}: ${preset.install}`
}

/** What its sandbox shows besides what every sandbox does; null for a program that is not shut in. */
type Shown = ReadonlyArray<string> | null

type Named = {
  readonly name: string
  readonly program: string
  /** Where a path begins. */
  readonly cwd: string
  readonly shown: Shown
  /** Where another one is named. */
  readonly namedIn: string
}

const programCheck = Effect.fnUntraced(function* (look: Look | null, { cwd, name, namedIn, program, shown }: Named) {
  const found = yield* programAt(program, cwd)
  if (found === null) {
    const where = program.includes("/") ? "is not there, or may not be executed" : "is not on PATH"
    return missing(name, `\`${program}\` ${where}`, installed(program, namedIn))
  }
  const hidden = look === null || shown === null ? null : yield* look(found, shown)
  if (hidden === null) return ok(name, found)
  const list = hidden.list.map((folder) => `\`${folder}\``).join(" and ")
  const remedy = `Add ${list} to \`sandboxReadable\` in config.yaml, or install it in a system folder such as /usr/local.`
  return missing(name, `${found} cannot be seen from the sandbox`, remedy)
})

/** Whether it is named by its path from the clone that it runs in. */
const isInClone = (program: string): boolean => program.includes("/") && !program.startsWith("/")

/** Names only. */
const secrets = Effect.fnUntraced(function* (role: Role, spec: ProgramSpec) {
  const name = `secrets ${role.name}`
  const isSet = (variableName: string) => Effect.map(variable(variableName), (value) => value !== "")
  const unset = yield* Effect.filter(spec.env, (one) => Effect.map(isSet(one), (set) => !set))
  if (unset.length > 0) {
    const remedy = "Set them where `squadron start` is run, or take them out of the role's `env`."
    return missing(name, `not set: ${unset.join(", ")}`, remedy)
  }
  const optional = spec._tag === "acp" ? spec.optionalEnv : []
  const given = [...spec.env, ...(yield* Effect.filter(optional, isSet))]
  if (given.length > 0) return ok(name, `set: ${given.join(", ")}`)
  return optional.length === 0
    ? null
    : warning(name, `none is set of ${optional.join(", ")}`, "Set what it signs in with where `squadron start` is run.")
})

/** Whether each role's program is there, and what it signs in with; `look` is null where there is no sandbox. */
export const roles = Effect.fnUntraced(function* (all: ReadonlyArray<Role>, look: Look | null) {
  const path = yield* Path.Path
  const checks: Array<Check> = []
  for (const role of all) {
    const spec = role.harness
    if (spec._tag === "function") {
      const remedy = "Only programs that use Squadron as a library have functions; give the role a program."
      checks.push(warning(`role ${role.name}`, `it names the function ${spec.name}`, remedy))
      continue
    }
    const [first] = spec.run
    // A role without a workspace may read its folder, and a program that is given by its path is seen with its own.
    const cwd = role.workspace === null ? [spec.cwd] : []
    const shown = spec._tag === "acp" ? [...cwd, ...(path.isAbsolute(first) ? [path.dirname(first)] : [])] : null
    const named = { cwd: spec.cwd, namedIn: "the role's file" }
    checks.push(yield* programCheck(look, { ...named, name: `role ${role.name}`, program: first, shown }))
    if (role.gate !== null) {
      const [gate] = role.gate
      const within = isInClone(gate) ? null : []
      checks.push(yield* programCheck(look, { ...named, name: `gate ${role.name}`, program: gate, shown: within }))
    }
    const known = yield* secrets(role, spec)
    if (known !== null) checks.push(known)
  }
  return checks
})

/** Whether the program of each hook is there, but for those in clones. */
export const hooks = Effect.fnUntraced(function* (settings: Pick<Settings, "root" | "workspaces">, look: Look | null) {
  const path = yield* Path.Path
  const checks: Array<Check> = []
  for (const [name, command] of Object.entries(settings.workspaces.hooks)) {
    const [program] = command
    if (isInClone(program)) continue
    // One that is given by its path is seen.
    const shown = path.isAbsolute(program) ? [program] : []
    const named = { cwd: settings.root, namedIn: "`workspaces.hooks`" }
    checks.push(yield* programCheck(look, { ...named, name: `hook ${name}`, program, shown }))
  }
  return checks
})
