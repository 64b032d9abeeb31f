import { promises as dns } from "node:dns"
import { createServer, type IncomingMessage, request as send, type Server, type ServerResponse } from "node:http"
import { connect, isIP, type LookupFunction } from "node:net"
import type { Duplex } from "node:stream"
import { join } from "./bridge.ts"
import { type HostRule, isInner, parseTarget, rulesFor, type Target, written } from "./hostRules.ts"

export type Address = { readonly address: string; readonly family: number }

export type HostProxyOptions = {
  readonly rules: ReadonlyArray<HostRule>
  /** Where people list the hosts; the role's `hosts` unless told. */
  readonly hostsKey?: string | undefined
  /** Gets each connection to a host. */
  readonly track: (connection: Duplex) => void
  /** Gets the line that a client was refused with. */
  readonly onRefused: (line: string) => void
  /** The system's own unless told. */
  readonly resolve?: (name: string) => Promise<ReadonlyArray<Address>>
}

/** Milliseconds. */
const connectBound = 30_000

type Refusal = { readonly status: number; readonly line: string }
type Admission = { readonly target: Target; readonly lookup: LookupFunction } | Refusal

const titles: Readonly<Record<number, string>> = { 400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway" }

const systemResolve = (name: string): Promise<ReadonlyArray<Address>> => dns.lookup(name, { all: true })

/** Connects to the addresses that were checked; a second look-up might give others. */
const pinned =
  (addresses: readonly [Address, ...ReadonlyArray<Address>]): LookupFunction =>
  (_name, options, done) =>
    options.all ? done(null, [...addresses]) : done(null, addresses[0].address, addresses[0].family)

const refuse = (status: number, line: string): Refusal => ({ status, line: `squadron: ${line}` })

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error)

/** Whether a target may be reached, and at which addresses. */
const admit = async (target: Target, options: HostProxyOptions): Promise<Admission> => {
  const rules = rulesFor(options.rules, target)
  const key = options.hostsKey ?? "the role's `hosts`"
  if (rules.length === 0) {
    const line = `${written(target, true)} is not reachable from here. Add "${written(target)}" to ${key}.`
    return refuse(403, line)
  }
  const family = isIP(target.host)
  let addresses: ReadonlyArray<Address> = [{ address: target.host, family }]
  if (family === 0) {
    try {
      addresses = await (options.resolve ?? systemResolve)(target.host)
    } catch (error) {
      return refuse(502, `${target.host} cannot be resolved (${codeOf(error)}).`)
    }
  }
  const [first, ...rest] = addresses
  if (first === undefined) return refuse(502, `${target.host} has no address.`)
  const hidden = addresses.find(({ address }) => isInner(address))
  if (hidden !== undefined && !rules.some(({ literal }) => literal)) {
    const line = `${written(target, true)} is at ${hidden.address}, an address of this machine or its network. Add "${written(target, true)}", with its port, to ${key} if that is meant.`
    return refuse(403, line)
  }
  return { target, lookup: pinned([first, ...rest]) }
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade"
])

/** The headers that concern both ends, as pairs in a row. */
const endToEnd = (raw: ReadonlyArray<string>): Array<string> =>
  raw.filter((_, index) => !hopByHop.has((raw[index - (index % 2)] ?? "").toLowerCase()))

const answer = (response: ServerResponse, { line, status }: Refusal): void => {
  response.writeHead(status, { "content-type": "text/plain", connection: "close" }).end(`${line}\n`)
}

const answerRaw = (connection: Duplex, { line, status }: Refusal): void => {
  const body = `${line}\n`
  const head = [
    `HTTP/1.1 ${status} ${titles[status]}`,
    "Content-Type: text/plain",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close"
  ]
  connection.end(`${head.join("\r\n")}\r\n\r\n${body}`)
  // Lets go of it as soon as the client does.
  connection.resume()
}

const unreachable = (target: Target, error: unknown): Refusal =>
  refuse(502, `${written(target, true)} cannot be reached (${codeOf(error)}).`)

/** A proxy for HTTP and, by CONNECT, for all else; only the hosts of its rules are reached through it. */
export const makeHostProxy = (options: HostProxyOptions): Server => {
  const admitted = async (target: Target | undefined): Promise<Admission> => {
    if (target === undefined) return refuse(400, "no host can be read from this request.")
    const admission = await admit(target, options)
    if ("status" in admission && admission.status === 403) options.onRefused(admission.line)
    return admission
  }

  const tunnel = async (authority: string, inside: Duplex, head: Buffer): Promise<void> => {
    inside.on("error", () => {})
    const admission = await admitted(parseTarget(authority))
    if (inside.destroyed) return
    if ("status" in admission) return answerRaw(inside, admission)
    const { lookup, target } = admission
    const outside = connect({ host: target.host, port: target.port, lookup, allowHalfOpen: true })
    options.track(outside)
    outside.setTimeout(connectBound, () => outside.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })))
    const failed = (error: Error): void => answerRaw(inside, unreachable(target, error))
    const left = (): void => void outside.destroy()
    outside.once("error", failed)
    inside.once("close", left)
    outside.once("connect", () => {
      outside.setTimeout(0)
      outside.off("error", failed)
      inside.off("close", left)
      inside.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      if (head.length > 0) outside.write(head)
      join(inside, outside)
    })
  }

  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = URL.canParse(request.url ?? "") ? new URL(request.url ?? "") : undefined
    const admission = await admitted(url?.protocol === "http:" ? parseTarget(url.host, 80) : undefined)
    if (url === undefined || "status" in admission) {
      return answer(response, "status" in admission ? admission : refuse(400, "this proxy takes whole addresses only."))
    }
    const { lookup, target } = admission
    const outgoing = send({
      host: target.host,
      port: target.port,
      lookup,
      agent: false,
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: ["Host", url.host, ...endToEnd(request.rawHeaders)],
      setHost: false
    })
    outgoing.on("socket", options.track)
    outgoing.on("error", (error) =>
      response.headersSent ? response.destroy() : answer(response, unreachable(target, error))
    )
    outgoing.on("response", (incoming) => {
      incoming.on("error", () => response.destroy())
      try {
        response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.rawHeaders))
        response.flushHeaders()
        incoming.pipe(response)
      } catch {
        // The host says what no header may hold.
        response.destroy()
      }
    })
    response.on("close", () => outgoing.destroy())
    outgoing.flushHeaders()
    request.pipe(outgoing)
  }

  // Models answer and take their time: no bound but that of the scope.
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    forward(request, response).catch(() => response.destroy())
  })
  server.on("connect", (request, inside: Duplex, head: Buffer) => {
    tunnel(request.url ?? "", inside, head).catch(() => inside.destroy())
  })
  return server
}
