import { Effect, type Schema } from "effect"
import { decodeAnswer } from "./decodeAnswer.ts"
import { nameOf } from "./exchange.ts"
import { GitHubFault } from "./fault.ts"

/** Entries on a page, and pages of one read; more is refused rather than cut. */
const perPage = 100
const maxPages = 100

/** The address of the next page in a `Link` header, or null on the last one. */
export const nextPage = (link: string | undefined): string | null => {
  for (const [, url = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*"[^"]*")*)/g)) {
    if (/;\s*rel\s*=\s*"(?:[^"]*\s)?next(?:\s[^"]*)?"/i.test(parameters)) return url
  }
  return null
}

/** The same address with the next page's number, or null where pages have no numbers. */
const pageAfter = (url: string): string | null => {
  const address = new URL(url)
  if (address.searchParams.has("cursor")) return null
  address.searchParams.set("page", String(Number(address.searchParams.get("page") ?? "1") + 1))
  return address.href
}

/** A list that comes page by page. */
export type Listing<P, A> = {
  readonly page: Schema.ConstraintDecoder<P>
  readonly entries: (page: P) => ReadonlyArray<A>
  /** Whether the next page is wanted, too; all are without it. */
  readonly more?: ((entries: ReadonlyArray<A>) => boolean) | undefined
  /** How many pages there may be; 100 unless told. */
  readonly pages?: number | undefined
}

type Page = { readonly text: string; readonly link: string | undefined }

/**
 * Reads the pages that `first` begins with `read`. Gives all that was asked for, or a fault: never a part of it. The token
 * goes to no other server than the first page's.
 */
export const readPages = Effect.fnUntraced(function* <P, A>(
  first: string,
  listing: Listing<P, A>,
  read: (url: string) => Effect.Effect<Page, GitHubFault>
): Effect.fn.Return<ReadonlyArray<A>, GitHubFault> {
  const begin = new URL(first)
  if (!begin.searchParams.has("per_page")) begin.searchParams.set("per_page", String(perPage))
  const size = Number(begin.searchParams.get("per_page"))
  const bound = listing.pages ?? maxPages
  const all: Array<A> = []
  let url = begin.href
  for (let number = 1; ; number++) {
    const request = nameOf("GET", url)
    const { link, text }: Page = yield* read(url)
    const page: P = yield* decodeAnswer(request, text, listing.page)
    const entries = listing.entries(page)
    for (const entry of entries) all.push(entry)
    if (listing.more !== undefined && !listing.more(entries)) return all
    // A full page may have got a follower without having changed itself, so that it does not tell of it.
    const next = nextPage(link) ?? (entries.length >= size ? pageAfter(url) : null)
    if (next === null) return all
    const stop = (reason: string) =>
      new GitHubFault({ request, status: null, reason, retryable: false, retryAfter: null })
    if (number === bound) return yield* stop(`there are more than ${bound} pages; what was read is not all`)
    if (!URL.canParse(next, url)) return yield* stop("the next page has no address")
    if (new URL(next, url).origin !== begin.origin) return yield* stop("the next page is on another server; not asked")
    url = new URL(next, url).href
  }
})

/** Counts entries that are wanted, and asks for more pages until there are enough of them. */
export const upTo = <A>(limit: number, wanted: (entry: A) => boolean) => {
  let found = 0
  return (entries: ReadonlyArray<A>): boolean => {
    found += entries.filter(wanted).length
    return found < limit
  }
}

/** Each entry once: what is new at a list's beginning moves others onto the next page while it is read. */
export const unique = <A extends { readonly number: number }>(entries: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(entries.map((entry) => [entry.number, entry])).values()
]
