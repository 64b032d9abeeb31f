import { code, counted } from "../words.mjs"
import { reviewBy } from "./reviewing.mjs"

// Patterns in added lines, and what is wrong with them. What is a secret is not said again.
const patterns = [
  [/\beval\s*\(|\bnew Function\s*\(/, "runs text as code"],
  [/\bexec(?:Sync)?\s*\(\s*(?:`|[^)]*["'`]\s*\+)|\bshell\s*:\s*true\b/, "lets a shell read what it is given"],
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/, "holds a private key", "secret"],
  [
    /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|sk-[A-Za-z0-9_-]{20,}|xox[abpr]-[\w-]{10,})/,
    "holds what looks like a key",
    "secret"
  ],
  [
    /\b(?:password|passwd|secret|api_?key|token)\b["']?\s*[:=]\s*["'][^"'\s]{8,}["']/i,
    "holds what looks like a secret",
    "secret"
  ],
  [/\bhttp:\/\/(?!localhost\b|127\.|\[::1\]|(?:www\.)?example\.)/i, "talks to somewhere without encryption"],
  [/\brejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED/, "turns off the check of certificates"]
]

// Files that decide what is run or installed, whatever stands in them.
const guarded = [
  [/(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml)$/, "decides what is installed"],
  [
    /^\.github\/(?:workflows|actions)\/|(?:^|\/)(?:\.gitlab-ci\.yml|Jenkinsfile)$|^\.(?:circleci|ci)\//,
    "decides what CI runs"
  ],
  [/(?:^|\/)\.npmrc$|(?:^|\/)\.git(?:attributes|modules)$/, "decides where things come from"]
]

// Lines that decide what is run, in files that are harmless otherwise.
const hooks = /"(?:pre|post)?(?:install|prepare|publish)"\s*:/

/** What a change brings that a person should see: `{ path, line, body }`. */
const findIn = (files) =>
  files.flatMap(({ added, path }) => {
    const guard = guarded.find(([pattern]) => pattern.test(path))
    if (guard !== undefined && added.length > 0) {
      return [{ path, line: added[0].line, body: `Rule: a person looks at a file that ${guard[1]}.` }]
    }
    return added.flatMap(({ line, text }) => {
      const found = patterns.find(([pattern]) => pattern.test(text))
      if (found !== undefined) {
        const [, what, secret] = found
        const body = `Rule: nothing is added that ${what}${secret === undefined ? `: ${code(text, 120)}` : "."}`
        return [{ path, line, body }]
      }
      return path.endsWith("package.json") && hooks.test(text)
        ? [{ path, line, body: `Rule: a person looks at a script that runs on installation: ${code(text, 120)}` }]
        : []
    })
  })

/** Looks for known bad patterns in what a pull request adds. */
export const securityReviewer = (turn) =>
  reviewBy(turn, async ({ files }) => {
    const lines = files.reduce((sum, { added }) => sum + added.length, 0)
    return {
      findings: findIn(files),
      good: "None of the patterns that this script knows is in what was added.",
      looked: `It searched ${counted(lines, "added line")} in ${counted(files.length, "file")} for ${counted(patterns.length, "pattern")}, and for files that decide what is run or installed. It understands nothing of what the code does.`
    }
  })
