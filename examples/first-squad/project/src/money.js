/** Reads `12`, `12.5` or `12.50` as cents, so that no sum is ever a fraction of one. */
export const toCents = (text) => {
  const parts = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (parts === null) throw new RangeError(`not an amount: ${text}`)
  const [, sign, whole, fraction = ""] = parts
  const cents = Number(whole) * 100 + Number(fraction.padEnd(2, "0"))
  return sign === "-" ? -cents : cents
}

// FIXME(emmy): amounts in currencies without cents, such as JPY, come out a hundred times too small
/** Cents as text, `1,234.50`. */
export const formatCents = (cents) => {
  const whole = Math.trunc(Math.abs(cents) / 100).toString()
  const fraction = (Math.abs(cents) % 100).toString().padStart(2, "0")
  return `${cents < 0 ? "-" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${fraction}`
}

/** A share in percent of an amount in cents, half cents rounded away from zero. */
export const percentOf = (cents, percent) => Math.round((cents * percent) / 100)
