// Also a program, the first one inside a sandbox: node bridge.ts [--port 4010=/a/socket] [--set NAME=VALUE] [--unset NAME] -- run
// Nothing but this file is visible there, so it imports nothing of ours.
import { spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import { constants } from "node:os"
import type { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"

/** Joins two connections: each hears what the other says, and both end together. */
export const join = (one: Duplex, other: Duplex): void => {
  for (const [from, to] of [
    [one, other],
    [other, one]
  ] as const) {
    from.pipe(to)
    from.on("error", () => {})
    // What is on its way still arrives, unless the connection broke.
    from.on("close", () => (from.errored === null ? to.end() : to.destroy()))
  }
}

type Orders = {
  readonly ports: ReadonlyArray<readonly [port: number, socket: string]>
  readonly env: NodeJS.ProcessEnv
  readonly run: ReadonlyArray<string>
}

const ordersOf = (args: ReadonlyArray<string>): Orders => {
  const ports: Array<readonly [number, string]> = []
  const env = { ...process.env }
  const end = args.indexOf("--")
  for (let i = 0; i < end; i += 2) {
    const text = args[i + 1] ?? ""
    const equals = text.indexOf("=")
    const [name, value] = [text.slice(0, equals), text.slice(equals + 1)]
    if (args[i] === "--port") ports.push([Number(name), value])
    else if (args[i] === "--set") env[name] = value
    else delete env[text]
  }
  return { ports, env, run: args.slice(end + 1) }
}

const giveUp = (code: number, why: string): never => {
  process.stderr.write(`squadron: ${why}\n`)
  return process.exit(code)
}

/** Offers a port whose connections come out at a socket. */
const offer = (port: number, socket: string): Promise<void> =>
  new Promise((done) => {
    const server = createServer({ allowHalfOpen: true }, (inside) =>
      join(inside, connect({ path: socket, allowHalfOpen: true }))
    )
    server.once("error", (error: NodeJS.ErrnoException) =>
      giveUp(126, `port ${port} cannot be had inside the sandbox (${error.code})`)
    )
    server.listen({ host: "127.0.0.1", port }, done)
  })

const numberOf = (signal: NodeJS.Signals | null): number => (signal === null ? 0 : constants.signals[signal])

const startProblem = (program: string, code: string | undefined): readonly [exit: number, why: string] =>
  code === "ENOENT"
    ? [
        127,
        `cannot start \`${program}\`: inside the sandbox there is no such program, or the interpreter that its first line names is missing there. Home folders are not visible; install it in a system folder, or make its folder readable.`
      ]
    : [126, `cannot start \`${program}\` inside the sandbox: ${code}`]

const main = async ({ env, ports, run: [program = "", ...args] }: Orders): Promise<void> => {
  let started = false
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
    // Who ends a program signals all of its processes: the program hears it itself, and needs its ports to the end.
    process.on(signal, () => started || process.exit(128 + numberOf(signal)))
  }
  await Promise.all(ports.map(([port, socket]) => offer(port, socket)))
  const child = spawn(program, args, { env, stdio: "inherit" })
  started = true
  child.on("error", (error: NodeJS.ErrnoException) => giveUp(...startProblem(program, error.code)))
  // The sandbox ends with this process, and so does all that the program left running.
  child.on("exit", (code, signal) => process.exit(code ?? 128 + numberOf(signal)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) void main(ordersOf(process.argv.slice(2)))
