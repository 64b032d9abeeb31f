/** An answer that GitHub will say is unchanged, if it is. */
export type Kept = { readonly etag: string; readonly text: string; readonly link: string | undefined }

/** The newest answers by account and address, at most so many and so much text; the least used goes first. */
export const makeAnswerCache = (limits: { readonly entries: number; readonly characters: number }) => {
  const kept = new Map<string, Kept>()
  let characters = 0

  const drop = (key: string): void => {
    const entry = kept.get(key)
    if (entry === undefined) return
    kept.delete(key)
    characters -= entry.text.length
  }

  return {
    get: (key: string): Kept | undefined => {
      const entry = kept.get(key)
      if (entry === undefined) return undefined
      kept.delete(key)
      kept.set(key, entry)
      return entry
    },
    put: (key: string, entry: Kept): void => {
      drop(key)
      kept.set(key, entry)
      characters += entry.text.length
      for (const oldest of kept.keys()) {
        if (kept.size <= limits.entries && characters <= limits.characters) return
        drop(oldest)
      }
    },
    drop
  }
}
