import type { Event } from "../../domain/Event.ts"

/**
 * The newest events, so that routing and running seldom read back what was just written. It knows whether it has
 * all that follows a number, and says nothing where it does not.
 */
export const recentEvents = (capacity: number) => {
  const events = new Map<number, Event>()
  // every event after this number is here
  let since = Number.MAX_SAFE_INTEGER
  return {
    /** Starts at the number of the last event in the store. */
    begin: (seq: number) => {
      since = seq
    },
    add: (added: ReadonlyArray<Event>) => {
      for (const event of added) events.set(event.seq, event)
      if (events.size <= capacity) return
      for (const seq of events.keys()) {
        if (events.size <= capacity) break
        events.delete(seq)
        since = seq
      }
    },
    get: (seq: number): Event | undefined => events.get(seq),
    after: (seq: number, limit: number): ReadonlyArray<Event> | null => {
      if (seq < since) return null
      const found: Array<Event> = []
      const newest = [...events.keys()].at(-1) ?? 0
      for (let next = seq + 1; next <= newest && found.length < limit; next++) {
        const event = events.get(next)
        if (event !== undefined) found.push(event)
      }
      return found
    }
  }
}
