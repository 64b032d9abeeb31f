/** The newest bytes of a text that grows without bound. */
export type Tail = {
  add(text: string | Uint8Array): void
  /** From the start of a character on; never with a NUL, which not every database takes. */
  text(): string
}

const newest = (bytes: Buffer, limit: number): Buffer => {
  if (bytes.length <= limit) return bytes
  let start = bytes.length - limit
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
  return bytes.subarray(start)
}

/** Never holds more than twice the limit, in bytes. */
export const makeTail = (limit: number): Tail => {
  let held: Array<Buffer> = []
  let size = 0
  const compact = (): Buffer => {
    // a copy, so that a small tail does not keep a large buffer alive
    const kept = Buffer.from(newest(Buffer.concat(held), limit))
    held = [kept]
    size = kept.length
    return kept
  }
  return {
    add: (text) => {
      const part = newest(typeof text === "string" ? Buffer.from(text) : Buffer.from(text), limit)
      held.push(part)
      size += part.length
      // many small parts cost more than their bytes
      if (size > 2 * limit || held.length > 4096) compact()
    },
    text: () => new TextDecoder("utf-8").decode(compact()).replaceAll("\0", "\ufffd")
  }
}
