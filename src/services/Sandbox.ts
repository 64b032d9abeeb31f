import { Context, type Effect, type Scope } from "effect"
import type { SandboxUnavailable } from "../domain/Errors.ts"

/** A program that shall run shut in. */
export type Enclosed = {
  readonly run: readonly [string, ...ReadonlyArray<string>]
  /** Absolute, within a writable folder. */
  readonly cwd: string
  /** The whole environment that the program gets; nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Folders that it may write to, absolute. */
  readonly writable: ReadonlyArray<string>
  /** Folders that it may only read, absolute; they win over `writable`. */
  readonly readable: ReadonlyArray<string>
  /** Its HOME: empty at first, writable, its own. Absolute. */
  readonly home: string
  /** Loopback ports of this machine that it reaches under the same address, such as the daemon's own. */
  readonly ports: ReadonlyArray<number>
  /** Hosts, `name` or `name:port`, that it reaches through a proxy; port 443 unless told. Empty for no network. */
  readonly hosts: ReadonlyArray<string>
  /** Where people list those hosts, as a refused program is told; the role's `hosts` unless told. */
  readonly hostsKey?: string | undefined
}

/** The command line and environment that start it shut in. */
export type Enclosure = {
  readonly run: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** Shuts programs in. Closing the scope ends what the enclosure needs on this side. */
export class Sandbox extends Context.Service<
  Sandbox,
  {
    /** `none` or `bwrap`; what people see of it. */
    readonly kind: string
    enclose(program: Enclosed): Effect.Effect<Enclosure, SandboxUnavailable, Scope.Scope>
  }
>()("squadron/services/Sandbox") {}
