import { formatCents, percentOf, toCents } from "./money.js"

/** Adds up lines of `{ item, quantity, price }`; amounts in cents. */
export const totalOf = (lines, taxPercent) => {
  const net = lines.reduce((sum, { price, quantity }) => sum + Number(quantity) * toCents(price), 0)
  const tax = percentOf(net, taxPercent)
  return { net, tax, gross: net + tax }
}

/** The invoice as text, amounts to the right. */
export const render = (lines, taxPercent) => {
  const { gross, net, tax } = totalOf(lines, taxPercent)
  const rows = [
    // TODO: break items that are longer than the column
    ...lines.map(({ item, price, quantity }) => [
      `${quantity} × ${item}`,
      formatCents(Number(quantity) * toCents(price))
    ]),
    ["Net", formatCents(net)],
    [`Tax ${taxPercent} %`, formatCents(tax)],
    ["Total", formatCents(gross)]
  ]
  const width = Math.max(...rows.map(([, amount]) => amount.length))
  return rows.map(([label, amount]) => `${label.padEnd(30)}${amount.padStart(width)}`).join("\n")
}
