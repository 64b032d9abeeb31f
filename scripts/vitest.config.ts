import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url))

// The examples import the package by its name; here that is the source, so that no build is needed.
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: {
    alias: [
      { find: /^squadron$/, replacement: source("index.ts") },
      { find: /^squadron\/testing$/, replacement: source("testing.ts") }
    ]
  }
})
