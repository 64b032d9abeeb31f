#!/usr/bin/env bash
# Packs the package, installs it in an empty folder, and type-checks and runs examples/library there.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

npm pack --silent --pack-destination "$folder" >/dev/null
mkdir "$folder/app"
mv "$folder"/squadron-*.tgz "$folder/app/squadron.tgz"
[ -d examples/library ] && cp examples/library/*.ts "$folder/app/"
cd "$folder/app"

ROOT=$root node <<'JS'
const { readFileSync, writeFileSync } = require("node:fs")
const { dependencies, devDependencies } = JSON.parse(readFileSync(`${process.env.ROOT}/package.json`, "utf8"))
const versions = { ...dependencies, ...devDependencies }
const wanted = ["effect", "typescript", "vitest", "@effect/vitest", "@types/node", "node"]
const save = (name, value) => writeFileSync(name, JSON.stringify(value, null, 2))
save("package.json", {
  private: true,
  type: "module",
  allowScripts: { node: true },
  scripts: { types: "tsc --noEmit", example: "node main.ts", test: "vitest run" },
  dependencies: {
    squadron: "file:squadron.tgz",
    ...Object.fromEntries(wanted.map((name) => [name, versions[name]]))
  }
})
save("tsconfig.json", {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "dom", "dom.iterable"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ["node"]
  },
  include: ["*.ts"]
})
JS

npm install --no-fund --no-audit --loglevel=error
[ -e main.ts ] || printf 'export * from "squadron"\nexport * as testing from "squadron/testing"\n' >main.ts
npm run --silent types
echo "package: types passed"
npm run --silent example
echo "package: example passed"
if compgen -G "*.test.ts" >/dev/null; then
  npm test --silent
  echo "package: example tests passed"
fi
node node_modules/.bin/squadron --version
echo "package: command line passed"

# an agent that is a program: what starts programs is a file of the package that nothing imports
mkdir -p squad/.squadron/agents
printf '#!/bin/sh\ncat >/dev/null\necho "{\\"type\\":\\"comment\\",\\"body\\":\\"Hello.\\"}"\necho "{\\"type\\":\\"done\\",\\"summary\\":\\"Said hello.\\"}"\n' >squad/greet.sh
chmod +x squad/greet.sh
printf -- '---\ndescription: Says hello\nrun: ./greet.sh\non: [issue.opened]\ntools: [comment]\n---\n' >squad/.squadron/agents/greet.md
mkdir squad/issues
printf -- '---\ntitle: A first issue\n---\nHello?\n' >squad/issues/1.md
timeout 60 node node_modules/.bin/squadron start squad --once --issues squad/issues --port 0 | tee started.log
grep -q "greet-1-.* done: Said hello" started.log
echo "package: a program was started"
