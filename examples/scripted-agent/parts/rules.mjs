// What the reviewer looks for. Each finding is `{ path, line, body }`; a line is one that the change added.
import { changelogFile } from "../recipes/changelog.mjs"
import { code } from "../words.mjs"

const isTest = (path) => /(?:^|\/)(?:tests?|__tests__)\/|\.(?:test|spec)\.[cm]?[jt]sx?$/.test(path)
const isSource = (path) => /\.[cm]?[jt]sx?$/.test(path) && !isTest(path)
const definition = /^export (?:default )?(?:async )?(?:const|function\*?|class) (\w+)/

/** The exported functions that a change touches, each with the first line that it added there. */
const touched = (text, added) => {
  const lines = text.split("\n")
  const found = new Map()
  for (const { line } of added) {
    for (let at = line - 1; at >= 0; at--) {
      const name = definition.exec(lines[at])?.[1]
      if (name !== undefined) {
        if (!found.has(name)) found.set(name, line)
        break
      }
      // Something else at the margin, such as the end of another function: the line belongs to no exported one.
      if (at < line - 1 && /^[^\s)]/.test(lines[at])) break
    }
  }
  return [...found].map(([name, line]) => ({ name, line }))
}

/** A changed function has a test in the change, or is called by a test that failed before and passes now. */
export const untested = (files, read, mended) => {
  const tests = files.filter(({ path }) => isTest(path)).flatMap(({ added }) => added.map(({ text }) => text))
  return files
    .filter(({ added, path }) => isSource(path) && added.length > 0)
    .flatMap(({ added, path }) =>
      touched(read(path), added)
        .filter(({ name }) => {
          const names = new RegExp(`\\b${name}\\b`)
          return !tests.some((text) => names.test(text)) && !mended.some((text) => names.test(text))
        })
        .map(({ line, name }) => ({
          path,
          line,
          body: `Rule: a changed function has a test. \`${name}\` changes here, no added test names it, and no test that failed before and passes now does.`
        }))
    )
}

/** What users can see of a change is in the changelog. */
export const withoutEntry = (files, hasChangelog) => {
  const place = files.find(({ added, path }) => !isTest(path) && path !== changelogFile && added.length > 0)
  if (!hasChangelog || place === undefined) return []
  if (files.some(({ added, path }) => path === changelogFile && added.some(({ text }) => /^[-*] \S/.test(text))))
    return []
  return [
    {
      path: place.path,
      line: place.added[0].line,
      body: `Rule: a change is told in ${changelogFile}, under "Unreleased". This one has no entry there.`
    }
  ]
}

/** Nothing is left behind: no notes for later, no test that keeps the others from running. */
export const leftBehind = (files) =>
  files.flatMap(({ added, path }) =>
    added.flatMap(({ line, text }) => {
      const note = isSource(path) ? /\b(?:TODO|FIXME)\b/.exec(text)?.[0] : undefined
      if (note !== undefined) {
        return [{ path, line, body: `Rule: no ${note} is added. Do it now, or open an issue for it: ${code(text)}` }]
      }
      return isTest(path) && /\b(?:test|it|describe)\.only\(/.test(text)
        ? [{ path, line, body: "Rule: no test keeps the others from running; take the `.only` away." }]
        : []
    })
  )
