import type { Principal, Repository, State } from "./State.ts"

export type Reply = {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export type Asked = {
  readonly state: State
  readonly who: Principal
  /** What the path's groups caught. */
  readonly parts: ReadonlyArray<string>
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  /** The address of the whole list without page, for `Link`. */
  readonly url: URL
}

export type AskedOfRepository = Asked & { readonly repository: Repository }

export type Route<A extends Asked> = {
  readonly method: string
  readonly path: RegExp
  readonly answer: (asked: A) => Reply
}

export const ok = (body: unknown): Reply => ({ status: 200, body })
export const created = (body: unknown): Reply => ({ status: 201, body })
export const nothing: Reply = { status: 204 }
export const notFound: Reply = { status: 404, body: { message: "Not Found", documentation_url: "https://docs" } }
export const invalid = (message: string, ...errors: ReadonlyArray<unknown>): Reply => ({
  status: 422,
  body: { message, errors }
})

export const textIn = (body: Asked["body"], name: string): string | null => {
  const value = body[name]
  return typeof value === "string" ? value : null
}

export const listIn = (body: Asked["body"], name: string): ReadonlyArray<string> => {
  const value = body[name]
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : []
}

export const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** One page of a list, with the `Link` that leads to the others. */
export const paged = (
  { query, url }: Asked,
  rows: ReadonlyArray<unknown>,
  wrap: (page: ReadonlyArray<unknown>) => unknown = (page) => page
): Reply => {
  const size = Math.min(100, Number(query.get("per_page") ?? "30"))
  const page = Number(query.get("page") ?? "1")
  const last = Math.max(1, Math.ceil(rows.length / size))
  const to = (number: number, rel: string): string => {
    const address = new URL(url)
    address.searchParams.set("page", String(number))
    return `<${address.href}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [to(page - 1, "prev"), to(1, "first")] : []),
    ...(page < last ? [to(page + 1, "next"), to(last, "last")] : [])
  ]
  return {
    status: 200,
    body: wrap(rows.slice((page - 1) * size, page * size)),
    headers: links.length === 0 ? {} : { link: links.join(", ") }
  }
}
