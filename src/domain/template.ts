/** A placeholder of a prompt, `{{ name }}`, and the line it stands on, from 1. */
export type Placeholder = { readonly name: string; readonly line: number }

const pattern = /\{\{([^{}\n]*)\}\}/g
const isName = /^[A-Za-z][A-Za-z0-9_]*$/

/** What Squadron itself puts in; the rest are the role's own inputs. */
export const builtIns: ReadonlyArray<string> = ["repository", "number", "kind", "branch", "base", "role", "agent"]

/** All placeholders of a text, also those whose name can be none. */
export const placeholdersOf = (text: string): ReadonlyArray<Placeholder> =>
  text
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(pattern)].map((found) => ({ name: (found[1] ?? "").trim(), line: index + 1 }))
    )

/** Whether a placeholder's name is one at all. */
export const isInputName = (name: string): boolean => isName.test(name)

/** The text with its placeholders filled in; the names of those that have no value, where there are any. */
export const fill = (
  text: string,
  values: Readonly<Record<string, string>>
): { readonly text: string; readonly missing: ReadonlyArray<string> } => {
  const missing = new Set<string>()
  const filled = text.replaceAll(pattern, (whole, inner: string) => {
    const name = inner.trim()
    if (Object.hasOwn(values, name)) return values[name] ?? ""
    missing.add(name)
    return whole
  })
  return { text: filled, missing: [...missing] }
}
