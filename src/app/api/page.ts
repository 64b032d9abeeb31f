import type { Page } from "../../services/Store.ts"

/** The part of a list that a query asks for; 50 lines unless told. */
export const pageOf = (query: { readonly limit?: number; readonly before?: number }): Page => ({
  limit: query.limit ?? 50,
  before: query.before
})
