import { dirname, isAbsolute } from "node:path"
import type { HarnessSpec } from "../../../domain/Role.ts"
import type { Place } from "../../../services/Harness.ts"
import type { Enclosed } from "../../../services/Sandbox.ts"
import { homeVariable, runVariable } from "../ProcessRecords.ts"

export type AcpSpec = Extract<HarnessSpec, { readonly _tag: "acp" }>

type Environment = Readonly<Record<string, string | undefined>>

/** Variables of the daemon's own environment that every agent gets, where they are set. */
const passed = ["PATH", "LANG", "TZ"]

/** Variables that the role wants and that the daemon does not have. */
export const unsetNames = (spec: AcpSpec, host: Environment): ReadonlyArray<string> =>
  spec.env.filter((name) => host[name] === undefined)

/** The folder that the agent works in. */
export const folderOf = (spec: AcpSpec, place: Place): string => place.workspace?.path ?? spec.cwd

/**
 * The program as a sandbox is to shut it in. It may write to its workspace and its HOME; the mirror, and the folder of
 * a role without a workspace, it may only read. Its environment is all that it gets: a few of the daemon's variables,
 * those that the role names, and the marks by which its processes are found.
 */
export const enclosedOf = (
  spec: AcpSpec,
  options: {
    readonly place: Place
    readonly host: Environment
    /** Its HOME, absolute. */
    readonly home: string
    readonly port: number | null
    readonly homeId: string
    readonly run: string
  }
): Enclosed => {
  const { home, host, place, port } = options
  const given: Record<string, string> = {}
  for (const name of [...passed, ...spec.optionalEnv, ...spec.env]) {
    const value = host[name]
    if (value !== undefined) given[name] = value
  }
  return {
    run: spec.run as readonly [string, ...ReadonlyArray<string>],
    cwd: folderOf(spec, place),
    env: {
      TERM: "dumb",
      ...spec.settings,
      ...given,
      HOME: home,
      [runVariable]: options.run,
      [homeVariable]: options.homeId
    },
    writable: place.workspace === null ? [home] : [place.workspace.path, home],
    readable: [
      place.workspace === null ? spec.cwd : place.workspace.mirror,
      // a program that the role gives by its path
      ...(isAbsolute(spec.run[0]) ? [dirname(spec.run[0])] : [])
    ],
    home,
    ports: port === null ? [] : [port],
    hosts: spec.hosts
  }
}
