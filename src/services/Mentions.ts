import { Context } from "effect"
import type { Mention } from "../domain/Mention.ts"

/** Finds what a Markdown text says to Squadron: never inside fenced, indented or inline code, quotes or HTML. */
export class Mentions extends Context.Service<
  Mentions,
  {
    /** `name` is the name to look for, without the `@`. */
    find(markdown: string, name: string): ReadonlyArray<Mention>
  }
>()("squadron/services/Mentions") {}
