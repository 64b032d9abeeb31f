// Who owns what a text is about: the files that it names, and CODEOWNERS as GitHub reads it.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

const places = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"]
const source = /\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|swift|cs|php|scala|c|h|cc|cpp|hpp|sh|sql|vue|svelte)$/
const definition = /\b(?:function\*?|class|const|let|var|def|func|fn|interface|type|enum|struct)\s+([A-Za-z_$][\w$]*)/g

const escape = (text) => text.replace(/[.+^${}()|[\]\\]/g, "\\$&")

/** A CODEOWNERS pattern as an expression over paths: without a slash inside it holds at any depth. */
const matcher = (pattern) => {
  const anchored = pattern.replace(/\/$/, "").includes("/")
  const body = escape(pattern.replace(/^\/|\/$/g, "")).replace(/\*\*\/|\/\*\*$|\*\*|\*|\?/g, (glob) =>
    glob === "**/" ? "(?:[^/]+/)*" : glob === "/**" ? "/.*" : glob === "**" ? ".*" : glob === "*" ? "[^/]*" : "[^/]"
  )
  const end = pattern.endsWith("/") ? "/.*" : pattern.endsWith("/*") ? "" : "(?:/.*)?"
  return new RegExp(`^${anchored ? "" : "(?:.*/)?"}${body}${end}$`)
}

/** The rules of the project's CODEOWNERS, in order; none where there is no such file. */
export const ownerRules = (folder) => {
  const place = places.map((name) => join(folder, name)).find(existsSync)
  if (place === undefined) return []
  return readFileSync(place, "utf8")
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [pattern = "", ...owners] = line.split(/(?<!\\)\s+/)
      return { matches: matcher(pattern.replaceAll("\\ ", " ")), owners }
    })
}

/** Whose a path is: the last rule that takes it decides, also when it names nobody. */
export const ownersOf = (path, rules) => rules.findLast((rule) => rule.matches.test(path))?.owners ?? []

/** The project's files by their paths from its folder, without what is installed or hidden in `.git`. */
export const filesOf = (folder, limit = 5000) => {
  const found = []
  const walk = (at) => {
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      if (found.length >= limit || entry.name === ".git" || entry.name === "node_modules") continue
      const path = at === "" ? entry.name : `${at}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile()) found.push(path)
    }
  }
  if (existsSync(folder)) walk("")
  return found
}

const definedIn = (folder, files) => {
  const places = new Map()
  for (const path of files.filter((file) => source.test(file))) {
    if (statSync(join(folder, path)).size > 262_144) continue
    for (const [, name] of readFileSync(join(folder, path), "utf8").matchAll(definition)) {
      places.set(name, new Set([...(places.get(name) ?? []), path]))
    }
  }
  return places
}

/**
 * The project's files and folders that a text names: paths in prose, in code and in stack traces (there with whatever
 * stands before them), file names that only one file has, and in code spans the names of what a file defines. With
 * each comes the definition that named it, or null.
 */
export const namedIn = (text, folder, files) => {
  const byName = new Map()
  const folders = new Set()
  for (const path of files) {
    const parts = path.split("/")
    const name = parts.at(-1)
    byName.set(name, [...(byName.get(name) ?? []), path])
    for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join("/"))
  }
  const named = new Map()
  const words = (text.replaceAll("\\", "/").match(/[\w@.+/-]+/g) ?? [])
    .filter((word) => word.length < 300 && /[./]/.test(word))
    .map((word) => word.replace(/[@.+-]+$/, ""))
  for (const raw of [...new Set(words)].slice(0, 5000)) {
    const word = raw.replace(/^(?:\.{0,2}\/)+/, "").replace(/\/$/, "")
    const same = byName.get(word.split("/").at(-1)) ?? []
    const exact = same.filter((path) => word === path || `/${word}`.endsWith(`/${path}`))
    const ending = same.filter((path) => path.endsWith(`/${word}`))
    const path = exact.toSorted((a, b) => b.length - a.length)[0] ?? (ending.length === 1 ? ending[0] : undefined)
    if (path !== undefined) named.set(path, null)
    else if (raw.includes("/") && folders.has(word)) named.set(`${word}/`, null)
  }
  const spans = [...text.matchAll(/`([^`\n]{3,80})`/g)].map(
    ([, span]) => /^(?:[\w$]+\.)*([A-Za-z_$][\w$]{2,})(?:\(.*\))?$/.exec(span)?.[1]
  )
  const names = new Set(spans.filter((name) => name !== undefined))
  if (names.size > 0) {
    const places = definedIn(folder, files)
    for (const name of names) {
      const [path, ...others] = places.get(name) ?? []
      if (path !== undefined && others.length === 0 && !named.has(path)) named.set(path, name)
    }
  }
  return named
}
