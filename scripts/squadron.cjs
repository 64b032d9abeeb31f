#!/usr/bin/env node
"use strict"
// Starts the command line under a Node that is new enough: the running one, else the local `node` package.
const { spawn } = require("node:child_process")
const { existsSync } = require("node:fs")
const { constants } = require("node:os")
const { dirname, join } = require("node:path")
const { pathToFileURL } = require("node:url")

const built = join(__dirname, "../dist/cli/main.js")
const entry = existsSync(built) ? built : join(__dirname, "../src/cli/main.ts")
const [major, minor] = process.versions.node.split(".").map(Number)

function localNode() {
  try {
    const file = process.platform === "win32" ? "node.exe" : "node"
    const path = join(dirname(require.resolve("node/package.json")), "bin", file)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

function runUnder(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: "inherit" })
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => {
    process.stderr.write(`squadron: cannot start ${node}: ${error.message}\n`)
    process.exit(1)
  })
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.exit(128 + constants.signals[signal])
  })
}

if (major > 22 || (major === 22 && minor >= 19)) {
  process.argv[1] = entry
  import(pathToFileURL(entry).href).catch((error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    process.exit(1)
  })
} else {
  const node = localNode()
  if (node === undefined) {
    process.stderr.write(
      `squadron needs Node 22.19 or newer, found ${process.version}: install it from nodejs.org, or run "npm install node@24" next to squadron\n`
    )
    process.exit(1)
  }
  runUnder(node)
}
