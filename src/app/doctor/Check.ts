/** One thing that was looked at. `missing` keeps the squadron, or a role of it, from its work. */
export type Check = {
  readonly name: string
  readonly status: "ok" | "warning" | "missing"
  readonly text: string
  /** One line; null where nothing is to be done. */
  readonly remedy: string | null
}

export const ok = (name: string, text: string): Check => ({ name, status: "ok", text, remedy: null })
export const warning = (name: string, text: string, remedy: string): Check => ({
  name,
  status: "warning",
  text,
  remedy
})
export const missing = (name: string, text: string, remedy: string): Check => ({
  name,
  status: "missing",
  text,
  remedy
})
