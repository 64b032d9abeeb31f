// How alike two issues are: the cosine of their words' weights (TF-IDF over word stems, the title counting more), and
// the error messages and stack frames that both show.
import { prose } from "./turn.mjs"

const longestText = 10_000
const titleWeight = 3
const stopWords = new Set(
  (
    "a about after all also an and any are as at be been before but by can could did do does for from get gets got had " +
    "has have how i if in into is it its just like me my no not of on one only or our out so some than that the " +
    "their them then there these they this to too up use used using very was we were what when where which while who " +
    "why will with would you your issue please version"
  ).split(" ")
)
const asian = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u

/** The stem of an English word, roughly as Porter's first steps cut it; words of other languages lose little. */
const stem = (word) => {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  let cut = word
    .replace(/sses$/, "ss")
    .replace(/ies$/, "y")
    .replace(/([^su])s$/, "$1")
  const shorter = cut.replace(/(?:ings?|ed|ly|ment|ness|(?<=at)(?:or|ion))$/, "")
  if (shorter !== cut && shorter.length > 2 && /[aeiouy]/.test(shorter))
    cut = shorter.replace(/([^aeiouylsz])\1$/, "$1")
  return cut.length > 3 ? cut.replace(/e$/, "").replace(/y$/, "i") : cut
}

/** The words that count, each with its stem; of scripts without spaces, each pair of signs. */
const wordsOf = (text) =>
  (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []
  ).flatMap((word) => {
    if (asian.test(word)) {
      const signs = [...word]
      const pairs = signs.length === 1 ? signs : signs.slice(1).map((sign, index) => signs[index] + sign)
      return pairs.map((pair) => [pair, pair])
    }
    return word.length < 2 || word.length > 60 || stopWords.has(word) ? [] : [[stem(word), word]]
  })

/** Error messages and stack frames, without what differs from machine to machine; frames begin with `at `. */
const errorLinesOf = (body) => {
  const lines = new Set()
  for (const raw of body.slice(0, longestText).split("\n")) {
    const line = raw.trim().slice(0, 300)
    const message = /\b\w*(?:Error|Exception)(?: \[\w+\])?: ?\S.*|\bpanicked at .*|\bfatal: .*/.exec(line)?.[0]
    const frame = /^at .*[\w>)]/.test(line) && /:\d+/.test(line) && !line.includes("node:") ? line : undefined
    const found = message ?? frame
    if (found !== undefined && found.length >= 10) {
      lines.add(
        found
          .replace(/0x[0-9a-f]+/gi, "0")
          .replace(/\d+/g, "0")
          .replace(/[\w.~:/\\-]*[/\\]/g, "")
          .toLowerCase()
      )
    }
  }
  return lines
}

/** Lines that many issues have in common come from a form and say nothing. */
const formLines = (issues) => {
  const counts = new Map()
  for (const { body } of issues) {
    for (const line of new Set(
      body
        .slice(0, longestText)
        .split("\n")
        .map((text) => text.trim())
    )) {
      counts.set(line, (counts.get(line) ?? 0) + 1)
    }
  }
  return new Set([...counts].filter(([, count]) => count >= 3 && count > issues.length / 4).map(([line]) => line))
}

const termsOf = ({ title, body }, forms) => {
  const kept = body
    .slice(0, longestText)
    .split("\n")
    .filter((line) => !/^#{1,6}\s/.test(line) && !forms.has(line.trim()))
  const counts = new Map()
  const spelled = new Map()
  const add = (words, weight) => {
    for (const [root, word] of words) {
      counts.set(root, (counts.get(root) ?? 0) + weight)
      if (!spelled.has(root)) spelled.set(root, word)
    }
  }
  add(wordsOf(title), titleWeight)
  add(wordsOf(prose(kept.join("\n"))), 1)
  return { counts, spelled }
}

const vectorOf = (counts, frequency, total) => {
  const weights = new Map(
    [...counts].map(([word, count]) => [
      word,
      (1 + Math.log(count)) * (1 + Math.log((1 + total) / (1 + frequency.get(word))))
    ])
  )
  const length = Math.hypot(...weights.values()) || 1
  return new Map([...weights].map(([word, weight]) => [word, weight / length]))
}

/**
 * The other issues by how alike they are to this one, most alike first: `score` from 0 to 1, the words that carry it
 * and the error lines that both show.
 */
export const alike = (issue, others) => {
  const all = [issue, ...others]
  const forms = formLines(all)
  const terms = all.map((one) => termsOf(one, forms))
  const frequency = new Map()
  for (const { counts } of terms) for (const word of counts.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1)
  const [mine = new Map(), ...rest] = terms.map(({ counts }) => vectorOf(counts, frequency, all.length))
  const errors = errorLinesOf(issue.body)
  return others
    .map((other, index) => {
      const theirs = rest[index]
      const products = [...mine].flatMap(([word, weight]) =>
        theirs.has(word) ? [[word, weight * theirs.get(word)]] : []
      )
      const cosine = products.reduce((sum, [, product]) => sum + product, 0)
      const shared = [...errorLinesOf(other.body)].filter((line) => errors.has(line))
      const messages = shared.filter((line) => !line.startsWith("at "))
      const bonus = messages.length > 0 ? 0.3 : shared.length > 1 ? 0.2 : shared.length > 0 ? 0.1 : 0
      return {
        issue: other,
        score: Math.min(1, cosine + bonus),
        words: products.toSorted((a, b) => b[1] - a[1]).map(([root]) => terms[0].spelled.get(root)),
        errors: [...messages, ...shared.filter((line) => line.startsWith("at "))]
      }
    })
    .toSorted((a, b) => b.score - a.score || a.issue.number - b.issue.number)
}
