"use strict"
// Adds to package-lock.json what npm leaves out of it: the packages of other platforms that the registry in use does
// not have. Without an entry for each of them, `npm ci` refuses the lock. Changes nothing where nothing is missing.
const { readFileSync, writeFileSync } = require("node:fs")
const { join } = require("node:path")

const file = process.argv[2] ?? join(__dirname, "../package-lock.json")
const text = readFileSync(file, "utf8")
const lock = JSON.parse(text)

const platform =
  /(?:^|[-/])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-(\w+))?$/
const exact = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/

/** Where a package at `path` finds `name`: beside its own packages, then further up, as Node looks. */
function find(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const place = `${at === "" ? "" : `${at}/`}node_modules/${name}`
    if (place in lock.packages) return place
    if (at === "") return undefined
  }
}

/** The entry of a package for another platform, as npm writes it, without what only its registry knows. */
function entryOf(name, version, owner) {
  const [, os, cpu, abi = ""] = platform.exec(name) ?? []
  if (os === undefined || !exact.test(version)) throw new Error(`no platform can be read from ${name}@${version}`)
  const libc = abi.startsWith("musl") ? "musl" : os === "linux" && abi.startsWith("gnu") ? "glibc" : undefined
  return {
    version,
    cpu: [cpu],
    ...(owner.dev === true ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os]
  }
}

const added = []
for (const [path, owner] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    if (find(path, name) !== undefined) continue
    lock.packages[`node_modules/${name}`] = entryOf(name, version, owner)
    added.push(`${name}@${version}`)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)))

if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? "The lock is complete." : `Added ${added.length}:\n${added.join("\n")}`)
