// What the text of an issue says about its kind and its priority, by weighing what speaks for each.
import { headings, stated } from "./forms.mjs"
import { prose } from "./turn.mjs"

/** What speaks for each kind of issue: weight, expression, and what to call it. In the title it counts double. */
const signals = {
  bug: [
    [
      3,
      /\b(?:crash(?:e[sd]|ing)?|segfault|panic(?:s|ked)?|deadlock|hangs?|freez(?:es?|ing)|froze)\b/i,
      "a crash or a hang"
    ],
    [
      2,
      /\b(?:bugs?|broken|breaks?|regression|defect|incorrect(?:ly)?|wrong(?:ly)?|corrupt(?:s|ed)?)\b/i,
      "something is wrong or broken"
    ],
    [2, /\b(?:errors?|exceptions?|stack ?trace|fail(?:s|ed|ing|ure)?|throws|threw)\b/i, "an error or a failure"],
    [
      2,
      /\b(?:does|do|did|is|are|was|has|can)(?: not|n['’]t) (?:\w+ )?(?:work|load|run|start|show|open|parse|match|compile|build|respond|print|round)/i,
      "something does not work"
    ],
    [
      2,
      /\b(?:expected|actual) (?:behaviou?r|result|output)|\bsteps to reproduce|\bto reproduce\b|\breproduction\b/i,
      "steps to reproduce, or what was expected"
    ],
    [
      2,
      /\b(?:used to work|worked (?:before|in|until)|since (?:the )?(?:update|upgrade|upgrading|v?\d))/i,
      "it worked before"
    ],
    [
      1,
      /\b(?:unexpected(?:ly)?|instead of|should (?:not|have)|loses?|missing|twice|undefined|NaN)\b/i,
      "an unexpected result"
    ]
  ],
  feature: [
    [3, /\b(?:feature request|enhancement|proposal|feature)\b/i, "it is called a feature or a proposal"],
    [
      3,
      /\b(?:would|could) be (?:\w+ )?(?:nice|great|good|useful|helpful|handy)|\bnice to have\b/i,
      "it would be nice to have"
    ],
    [
      3,
      /\b(?:please |could you |can you )(?:add|support|allow|implement|provide)|\b(?:add|lacks?|missing|want|need) (?:\w+ )?support\b|\bsupport for\b/i,
      "it asks for support of something"
    ],
    [
      2,
      /\bI(?:['’]d| would) (?:like|love)\b|\b(?:wish|suggest(?:ion)?|idea)\b|\ban? (?:option|flag|setting|way) to\b/i,
      "a wish or a suggestion"
    ],
    [2, /^(?:add|support|allow|implement|introduce|provide|make it possible|let) /i, "it begins with what to add"]
  ],
  docs: [
    [3, /\b(?:typos?|misspell(?:ed|ing)|spelling|grammar|wording)\b/i, "a typo or wording"],
    [3, /\b(?:docs|documentation|readme|changelog|tutorial|docstrings?|jsdoc)\b/i, "the documentation"],
    [
      2,
      /\b(?:broken|dead) links?\b|\b(?:un|not )documented\b|\b(?:unclear|outdated|misleading) (?:docs|example|section|guide)/i,
      "something is undocumented, outdated or unclear"
    ]
  ],
  question: [
    [3, /\b(?:question|help wanted|need help)\b/i, "it is called a question"],
    [2, /\?\s*$/, "it ends with a question mark"],
    [
      2,
      /^(?:how|why|what|when|where|which|who|is|are|does|do|can|could|should)\b[^.\n]*\?/im,
      "it asks how, why or whether"
    ],
    [
      2,
      /\bhow (?:do|can|should|would) (?:I|we|you|one)\b|\bis (?:it|there) (?:possible|a way|any way)\b/i,
      "it asks how to do something"
    ],
    [1, /\b(?:I wonder|wondering|not sure|confused|understand)\b/i, "somebody is not sure"]
  ]
}
const traces =
  /^[ \t]+at .+:\d+:\d+\)?[ \t\r]*$|^Traceback \(most recent call last\)|^[ \t]*[\w.]*(?:Error|Exception)\b(?: \[\w+\])?:|\bpanicked at\b|^goroutine \d+/m
const urgency = [
  [3, /\b(?:data ?loss|los(?:es?|ing|t) (?:\w+ )?data|corrupt(?:s|ed|ion)?)\b/i, "data is lost or damaged"],
  [
    3,
    /\b(?:security|vulnerab\w+|CVE-\d+|exploit|injection|(?:leaks?|exposes?) (?:\w+ )?(?:passwords?|tokens?|secrets?|credentials?))\b/i,
    "security"
  ],
  [2, /\b(?:in|on|our|from) prod(?:uction)?\b/i, "it is in production"],
  [
    2,
    /\b(?:regression|used to work|worked (?:before|in|until)|since (?:the )?(?:update|upgrad\w+))\b/i,
    "it worked before"
  ],
  [2, /\bwrong (?:totals?|amounts?|results?|prices?|sums?)\b/i, "results are wrong"],
  [
    2,
    /\b(?:all (?:\w+ )?users|every(?:one| user)|urgent(?:ly)?|critical|blocker|block(?:s|ing) (?:us|the release|a release))\b/i,
    "it blocks somebody or hits everybody"
  ],
  [1, /\b(?:crash(?:es|ed)?|hangs?|panic(?:s|ked)?|segfault)\b/i, "a crash or a hang"],
  [
    -2,
    /\b(?:typos?|cosmetic|minor|trivial|nit|nice to have|no (?:rush|hurry)|low priority|wording|someday)\b/i,
    "it is called small, or can wait"
  ],
  [-1, /\b(?:work(?:ed)? ?around|workaround)\b/i, "there is a workaround"]
]
const base = { bug: 1, feature: 0, docs: -1, question: -1 }
const negated = /\b(?:no|not|without|never|n['’]t)(?: an?| the| any)?\s+$/i

/** Whether the text says it without denying it. */
const holds = (pattern, text) => {
  const hit = pattern.exec(text)
  return hit !== null && !negated.test(text.slice(Math.max(0, hit.index - 30), hit.index))
}

const weigh = (list, title, text) => {
  const hits = list.flatMap(([weight, pattern, why]) => {
    const times = (holds(pattern, title) ? 2 : 0) + (holds(pattern, text) ? 1 : 0)
    return times > 0 ? [{ weight: weight * times, why }] : []
  })
  return { score: hits.reduce((sum, { weight }) => sum + weight, 0), hits }
}

/** The kind and the priority of an issue, each with what speaks for it; no kind where nothing does. */
export const classify = ({ title, body }, forms) => {
  const mine = headings(body)
  const form = forms.find((template) => template.headings.every((heading) => mine.includes(heading)))
  const written = form
    ? body
        .split("\n")
        .filter((line) => !form.lines.has(line.trim()))
        .join("\n")
    : body
  const text = prose(written).slice(0, 20_000)
  const said = stated(title, prose(body))
  const kinds = Object.entries(signals).map(([kind, list]) => {
    const { hits, score } = weigh(list, title, text)
    return { kind, score, hits }
  })
  const speak = (kind, weight, why) => {
    const entry = kinds.find((one) => one.kind === kind)
    if (entry === undefined) return
    entry.score += weight
    entry.hits.push({ weight, why })
  }
  if (traces.test(body)) speak("bug", 4, "a stack trace or an error message")
  if (form?.kind) speak(form.kind, 5, "it is written on the form for that")
  if (said.kind) speak(said.kind, 8, "its author says so")
  const best = kinds.toSorted((a, b) => b.score - a.score)[0]
  const reasons = (hits) =>
    [...new Set(hits.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).map(({ why }) => why))].slice(0, 3)
  if (best.score < 2) return null
  const urgent = weigh(urgency, title, text)
  const score = urgent.score + base[best.kind]
  return {
    kind: best.kind,
    why: reasons(best.hits),
    priority: said.priority ?? (score >= 4 ? "high" : score < 0 ? "low" : "medium"),
    urgency: said.priority ? ["its author says so"] : reasons(urgent.hits)
  }
}
