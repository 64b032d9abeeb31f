import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url))

// The examples import the package by its name; here that is the source, so that no build is needed.
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    // much of the time is spent on waiting for child processes, so two fit on two processors
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // what waits, waits for facts; this only ends a test that hangs, also on a busy machine
    testTimeout: 20_000
  },
  resolve: {
    alias: [
      { find: /^squadron$/, replacement: source("index.ts") },
      { find: /^squadron\/testing$/, replacement: source("testing.ts") }
    ]
  }
})
