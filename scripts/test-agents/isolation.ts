import { spawnSync } from "node:child_process"

/** How a program is run where there is a network of its own that has loopback and nothing else. */
export type Isolation = {
  readonly how: string
  /** What stands before the program's command line. */
  readonly wrapper: readonly [string, ...ReadonlyArray<string>]
}

/** Brings loopback up, and becomes the program. */
const lifted = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

const ways: ReadonlyArray<Isolation> = [
  { how: "unshare --net", wrapper: ["unshare", "--net", ...lifted] },
  { how: "unshare --user --net", wrapper: ["unshare", "--user", "--map-root-user", "--net", ...lifted] },
  // for machines without iproute2
  { how: "bwrap --unshare-net", wrapper: ["bwrap", "--die-with-parent", "--unshare-net", "--dev-bind", "/", "/", "--"] }
]

/** Ends with 0 where loopback works and is all there is. */
const check = `
  const { networkInterfaces } = require("node:os")
  const { connect, createServer } = require("node:net")
  const names = Object.keys(networkInterfaces()).join(" ")
  if (names !== "lo") throw new Error("its interfaces are: " + names)
  const server = createServer((socket) => process.exit(0)).listen(0, "127.0.0.1", () => connect(server.address().port, "127.0.0.1"))
  setTimeout(() => process.exit(1), 5000)
`

/** The first way that works here, really tried; else why there is none. */
export const findIsolation = (): Isolation | { readonly why: string } => {
  const problems: Array<string> = []
  for (const way of ways) {
    const [program, ...args] = way.wrapper
    const tried = spawnSync(program, [...args, process.execPath, "-e", check], { encoding: "utf8", timeout: 20_000 })
    if (tried.status === 0) return way
    const said = tried.stderr?.split("\n").find((line) => line.trim() !== "")
    problems.push(`${way.how}: ${tried.error?.message ?? said ?? `it ends with ${tried.signal ?? tried.status}`}`)
  }
  return { why: `no network namespace can be had here; ${problems.join("; ")}` }
}
