import { BlockList, isIP } from "node:net"

/** A host that may be reached. */
export type HostRule = {
  /** As the URL standard writes it: lower case, addresses in their one form. */
  readonly name: string
  /** Means the hosts below the name, not the name itself. */
  readonly below: boolean
  readonly port: number
  /** Names one host with its port, so that it may be an address of this machine or of its network. */
  readonly literal: boolean
}

export type Target = { readonly host: string; readonly port: number }

/** The one form of a host name or address, so that `127.1` is no other host than `127.0.0.1`. */
const canonical = (host: string): string | undefined => {
  if (/[/?#@\\\s%]/.test(host) || !URL.canParse(`http://${host}/`)) return undefined
  const name = new URL(`http://${host}/`).hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "")
  return /\*|^\.|\.\.|\.$|^$/.test(name) ? undefined : name
}

const portOf = (text: string | undefined): number | undefined => {
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : undefined
}

const shape = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/** Reads `name`, `name:port`, `*.suffix` or `*.suffix:port`; port 443 unless told. Undefined for anything else. */
export const parseRule = (text: string): HostRule | undefined => {
  const below = text.startsWith("*.")
  const [, host, given] = shape.exec(below ? text.slice(2) : text) ?? []
  const name = host === undefined ? undefined : canonical(host)
  const port = given === undefined ? 443 : portOf(given)
  if (name === undefined || port === undefined || (below && isIP(name) !== 0)) return undefined
  return { name, below, port, literal: !below && given !== undefined }
}

/** Reads the `host:port` that a client asks for; `port` stands for one that it leaves out. */
export const parseTarget = (authority: string, port?: number): Target | undefined => {
  const [, host, given] = shape.exec(authority) ?? []
  const name = host === undefined ? undefined : canonical(host)
  const wanted = given === undefined ? port : portOf(given)
  return name === undefined || wanted === undefined ? undefined : { host: name, port: wanted }
}

/** The rules that allow the target. No suffix allows an address, since no rule has the end of one as its suffix. */
export const rulesFor = (rules: ReadonlyArray<HostRule>, { host, port }: Target): ReadonlyArray<HostRule> =>
  rules.filter((rule) => rule.port === port && (rule.below ? host.endsWith(`.${rule.name}`) : rule.name === host))

/**
 * Whether a rule is for a port of this machine that can be offered inside under its own address. Then clients need no
 * proxy for that name, which they would take for the program's own ports, too. Lower ports cannot be offered but by root.
 */
export const isOffered = ({ literal, name, port }: HostRule): boolean =>
  literal && port >= 1024 && (name === "127.0.0.1" || name === "localhost")

/** The ports to offer inside, with the names under which they are found outside. */
export const offeredPorts = (
  own: ReadonlyArray<number>,
  rules: ReadonlyArray<HostRule>
): ReadonlyMap<number, string> => {
  const offered = new Map(own.map((port) => [port, "127.0.0.1"]))
  for (const rule of rules) {
    // the address wins, for it is the one that is offered
    if (isOffered(rule) && offered.get(rule.port) !== "127.0.0.1") offered.set(rule.port, rule.name)
  }
  return offered
}

/** How a target is written in a list of hosts. */
export const written = ({ host, port }: Target, withPort = port !== 443): string => {
  const name = isIP(host) === 6 ? `[${host}]` : host
  return withPort ? `${name}:${port}` : name
}

const inner = new BlockList()
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4]
] as const) {
  inner.addSubnet(net, prefix, "ipv4")
}
for (const [net, prefix] of [
  // Unspecified, loopback, and addresses of version 4 in an old form.
  ["::", 96],
  // Forms that carry an address of version 4, which may be an inner one.
  ["64:ff9b:1::", 48],
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8]
] as const) {
  inner.addSubnet(net, prefix, "ipv6")
}

/** Whether an address is one of this machine, of its network, or of no single host. */
export const isInner = (address: string): boolean => inner.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")
