/** Numbers that look like chance and are the same for the same seed (mulberry32). */
export const makeRandom = (seed: number) => {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    /** A whole number from 0, below `n`. */
    below,
    pick: <A>(all: ReadonlyArray<A>): A => {
      const one = all[below(all.length)]
      if (one === undefined) throw new Error("there is nothing to pick from")
      return one
    }
  }
}

export type Random = ReturnType<typeof makeRandom>
