// Checks what the house rules say about imports and what the linter cannot say:
// the arrow cli, dashboard → app → adapters → services → domain, circles, the places that may
// touch the platform, foreign ways of doing things, and file names.
// Run by Node itself: node scripts/check-arrows.ts [folder]
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"

type Import = { readonly specifier: string; readonly offset: number }
type Source = { readonly path: string; readonly text: string; readonly masked: string }
type Violation = { readonly path: string; readonly line: number; readonly message: string }

const rank: Readonly<Record<string, number>> = { domain: 0, services: 1, adapters: 2, app: 3, cli: 4, dashboard: 4 }
const faces: ReadonlySet<string> = new Set(["index.ts", "testing.ts"])
const platformRooms: ReadonlySet<string> = new Set(["adapters", "app", "cli"])
const foreignRooms: ReadonlySet<string> = new Set(["adapters", "dashboard"])
const platform =
  /^(?:node:|@effect\/platform-node(?:\/|$)|effect\/(?:sql|process|http|http-api|cli|ai|cluster|workflow|persistence|rpc)(?:\/|$))/
const vagueNames = [
  /(?:^|[-_.])(?:utils?|helpers?|common|misc|manager|data|info)(?=[-_.]|$)/i,
  /[a-z](?:Utils?|Helpers?|Common|Misc|Manager|Data|Info)$/
]
const foreign: ReadonlyArray<readonly [RegExp, string]> = [
  [/(?<![.\w$])try\s*\{/g, "try/catch outside src/adapters: use Effect.try"],
  [/\bnew\s+Date\b/g, "new Date outside src/adapters: use Clock or DateTime"],
  [/\bPromise\s*</g, "Promise type outside src/adapters: use Effect"],
  [/\bglobalThis\b/g, "globalThis outside src/adapters: use a service"],
  [/\bfor\s+await\b/g, "for await outside src/adapters: use Stream"]
]

// Blanks comments, and the contents of strings, templates and regular expressions. Keeps every offset.
const mask = (text: string): string => {
  const out = text.split("")
  const blank = (from: number, to: number) => {
    for (let k = from; k < to && k < out.length; k++) if (out[k] !== "\n") out[k] = " "
  }
  const depths: Array<number> = []
  let depth = 0
  let i = 0
  const template = () => {
    const from = i
    while (i < text.length && text[i] !== "`" && !(text[i] === "$" && text[i + 1] === "{"))
      i += text[i] === "\\" ? 2 : 1
    blank(from, i)
    if (text[i] === "`") i += 1
    else if (i < text.length) {
      i += 2
      depths.push(depth)
      depth += 1
    }
  }
  const startsRegex = (): boolean => {
    const before = out
      .slice(Math.max(0, i - 40), i)
      .join("")
      .trimEnd()
    return before === "" || /[(,=:[!&|?{};+\-*%<>~^]$|\b(?:return|case|typeof|in|of|yield|void)$/.test(before)
  }
  const regexEnd = (): number => {
    let inClass = false
    for (let k = i + 1; k < text.length && text[k] !== "\n"; k++) {
      if (text[k] === "\\") k += 1
      else if (text[k] === "[") inClass = true
      else if (text[k] === "]") inClass = false
      else if (text[k] === "/" && !inClass) return k
    }
    return -1
  }
  while (i < text.length) {
    const c = text[i]
    const next = text[i + 1]
    if (c === "/" && (next === "/" || next === "*")) {
      const found = next === "/" ? text.indexOf("\n", i) : text.indexOf("*/", i + 2)
      const end = found === -1 ? text.length : next === "/" ? found : found + 2
      blank(i, end)
      i = end
    } else if (c === '"' || c === "'") {
      let k = i + 1
      while (k < text.length && text[k] !== c && text[k] !== "\n") k += text[k] === "\\" ? 2 : 1
      blank(i + 1, k)
      i = k + 1
    } else if (c === "`") {
      i += 1
      template()
    } else if (c === "/" && startsRegex() && regexEnd() !== -1) {
      const end = regexEnd()
      blank(i + 1, end)
      i = end + 1
    } else if (c === "{") {
      depth += 1
      i += 1
    } else if (c === "}") {
      depth -= 1
      i += 1
      if (depths.length > 0 && depths[depths.length - 1] === depth) {
        depths.pop()
        template()
      }
    } else i += 1
  }
  return out.join("")
}

const importForms =
  /(?<![.\w$])(?:(?:import|export)\s+(?:type\s+)?[\w$\s{},*]*?\bfrom\s*|import\s*|import\s*\(\s*|require\s*\(\s*)(["'])/g

const importsOf = (source: Source): ReadonlyArray<Import> =>
  [...source.masked.matchAll(importForms)].map((found) => {
    const start = found.index + found[0].length
    const end = source.masked.indexOf(found[1] ?? '"', start)
    return { specifier: source.text.slice(start, end), offset: found.index }
  })

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? filesUnder(path) : /\.[cm]?tsx?$/.test(entry.name) ? [path] : []
    })
    .toSorted()

const root = resolve(process.argv[2] ?? join(import.meta.dirname, ".."))
const src = join(root, "src")
const violations: Array<Violation> = []

const inSrc = (path: string): string => relative(src, path).split(sep).join("/")
const roomOf = (path: string): string => inSrc(path).split("/")[0] ?? ""
const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length
const report = (source: Source, offset: number, message: string) =>
  violations.push({ path: source.path, line: lineAt(source.text, offset), message })

const targetOf = (source: Source, specifier: string): string | undefined => {
  if (specifier.startsWith(".")) return resolve(dirname(source.path), specifier)
  if (specifier === "squadron") return join(src, "index.ts")
  return specifier === "squadron/testing" ? join(src, "testing.ts") : undefined
}

const checkImport = (source: Source, { specifier, offset }: Import) => {
  const from = inSrc(source.path)
  const room = roomOf(source.path)
  if (platform.test(specifier) && !platformRooms.has(room) && !faces.has(from))
    report(source, offset, `${room} may not import ${specifier}: only adapters, app and cli touch the platform`)
  const target = targetOf(source, specifier)
  if (target === undefined) return
  const to = inSrc(target)
  if (to.startsWith("..")) return void report(source, offset, `${specifier} leaves src`)
  if (/\.[cm]?tsx?$/.test(to) && statSync(target, { throwIfNoEntry: false }) === undefined)
    return void report(source, offset, `${specifier} does not exist`)
  if (faces.has(to)) return void report(source, offset, `nobody in src imports the face ${to}`)
  if (faces.has(from)) return
  const fromRank = rank[room]
  const toRoom = roomOf(target)
  const toRank = rank[toRoom]
  if (fromRank === undefined || toRank === undefined) return
  if (toRank > fromRank || (toRank === fromRank && toRoom !== room))
    report(source, offset, `${room} may not import ${toRoom} (cli, dashboard → app → adapters → services → domain)`)
}

const checkForeign = (source: Source) => {
  if (foreignRooms.has(roomOf(source.path))) return
  for (const [pattern, message] of foreign) {
    for (const found of source.masked.matchAll(pattern)) report(source, found.index, message)
  }
}

const checkPlace = (source: Source) => {
  const parts = inSrc(source.path).split("/")
  const room = parts[0] ?? ""
  if (parts.length === 1 && !faces.has(room)) report(source, 0, "only index.ts and testing.ts stand outside the rooms")
  if (parts.length > 1 && rank[room] === undefined) report(source, 0, `${room} is not a room of the house`)
  for (const part of parts) {
    const name = part.replace(/(?:\.d)?\.[cm]?tsx?$/, "")
    if (vagueNames.some((vague) => vague.test(name))) report(source, 0, `${part}: name the file for what it does`)
  }
}

// Reports each circle once, at the import that closes it.
const checkCircles = (sources: ReadonlyMap<string, Source>) => {
  const done = new Set<string>()
  const visit = (path: string, trail: ReadonlyArray<string>) => {
    const source = sources.get(path)
    if (source === undefined || done.has(path)) return
    for (const { specifier, offset } of importsOf(source)) {
      const target = targetOf(source, specifier)
      if (target === undefined) continue
      const here = [...trail, path]
      const start = here.indexOf(target)
      if (start === -1) visit(target, here)
      else report(source, offset, `circle: ${[...here.slice(start), target].map(inSrc).join(" → ")}`)
    }
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
}

const sources = new Map(
  filesUnder(src).map((path): readonly [string, Source] => {
    const text = readFileSync(path, "utf8")
    return [path, { path, text, masked: mask(text) }]
  })
)
for (const source of sources.values()) {
  checkPlace(source)
  checkForeign(source)
  for (const found of importsOf(source)) checkImport(source, found)
}
checkCircles(sources)

for (const { path, line, message } of violations) {
  console.log(`${relative(root, path).split(sep).join("/")}:${line} ${message}`)
}
console.log(`check-arrows: ${sources.size} files, ${violations.length} violations`)
process.exitCode = violations.length > 0 ? 1 : 0
