import { Effect, FileSystem } from "effect"
import { presets } from "../../adapters/harness/acp/presets.ts"
import { emptiedHere, isWithin } from "../../adapters/sandbox/places.ts"
import type { HarnessSpec, Role } from "../../domain/Role.ts"
import { type Check, missing, ok, warning } from "./Check.ts"
import { programAt, variable } from "./programs.ts"

type ProgramSpec = Exclude<HarnessSpec, { readonly _tag: "function" }>

const installed = (program: string): string => {
  const preset = Object.values(presets).find(({ run }) => run[0] === program)
  return preset === undefined
    ? "Install it, or name another program in the role's file."
    : `Install ${preset.title}: ${preset.install}`
}

/** Whether a sandbox hides the program: it empties the folders of users. */
const isHidden = Effect.fnUntraced(function* (program: string, visible: string | null) {
  const fs = yield* FileSystem.FileSystem
  const real = yield* Effect.orElseSucceed(fs.realPath(program), () => program)
  if (visible !== null && isWithin(visible, real)) return false
  return emptiedHere().some((folder) => isWithin(folder, real) || isWithin(folder, program))
})

/** `visible` is a folder that the program's sandbox shows, or null; undefined for a program without a sandbox. */
const programCheck = Effect.fnUntraced(function* (
  name: string,
  first: string,
  cwd: string,
  visible: string | null | undefined
) {
  const found = yield* programAt(first, cwd)
  if (found === null) {
    const where = first.includes("/") ? "is not there, or may not be executed" : "is not on PATH"
    return missing(name, `\`${first}\` ${where}`, installed(first))
  }
  if (visible !== undefined && (yield* isHidden(found, visible))) {
    const remedy = "Install it in a system folder such as /usr/local, or set `sandbox: off` in config.yaml."
    return missing(name, `${found} cannot be seen from the sandbox`, remedy)
  }
  return ok(name, found)
})

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

/** Whether each role's program is there, and what it signs in with. */
export const roles = Effect.fnUntraced(function* (all: ReadonlyArray<Role>, sandboxed: boolean) {
  const checks: Array<Check> = []
  for (const role of all) {
    const spec = role.harness
    if (spec._tag === "function") {
      const remedy = "Only programs that use Squadron as a library have functions; give the role a program."
      checks.push(warning(`role ${role.name}`, `it names the function ${spec.name}`, remedy))
      continue
    }
    // A role without a workspace may read its folder.
    const seen = role.workspace === null ? spec.cwd : null
    const shut = sandboxed && spec._tag === "acp"
    checks.push(yield* programCheck(`role ${role.name}`, spec.run[0], spec.cwd, shut ? seen : undefined))
    if (role.gate !== null) {
      checks.push(yield* programCheck(`gate ${role.name}`, role.gate[0], spec.cwd, sandboxed ? null : undefined))
    }
    const known = yield* secrets(role, spec)
    if (known !== null) checks.push(known)
  }
  return checks
})
