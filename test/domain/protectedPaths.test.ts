import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { protectedAmong } from "../../src/domain/protectedPaths.ts"

describe("protected paths", () => {
  for (const path of [
    ".github/workflows/ci.yml",
    ".github/CODEOWNERS",
    "packages/web/.github/dependabot.yml",
    ".squadron/config.yaml",
    ".squadron/agents/dev.md",
    ".circleci/config.yml",
    ".ci/run",
    ".husky/pre-commit",
    ".gitlab-ci.yml",
    "Jenkinsfile",
    "Makefile",
    "tools/GNUmakefile",
    "justfile",
    "Dockerfile",
    "docker/Dockerfile.dev",
    "web.dockerfile",
    "package.json",
    "packages/a/package.json",
    "pnpm-workspace.yaml",
    "build.gradle",
    "app/build.gradle.kts",
    "build.rs",
    "Cargo.toml",
    "setup.py",
    "pyproject.toml",
    "lib/CMakeLists.txt",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    "go.sum",
    "poetry.lock",
    "uv.lock",
    "Gemfile.lock",
    "composer.lock",
    ".gitmodules",
    "src/.gitattributes",
    "docs/CODEOWNERS",
    // hooks, wherever core.hooksPath may point
    ".git/hooks/post-checkout",
    "vendor/lib/.git/config",
    ".githooks/post-merge",
    "tools/git-hooks/run.sh",
    "scripts/pre-commit",
    "scripts/hooks/post-checkout",
    "Reference-Transaction",
    ".pre-commit-hooks.yaml",
    "lefthook.yaml",
    ".lefthook-local.toml",
    ".huskyrc.json",
    ".lintstagedrc",
    "lint-staged.config.mjs",
    ".simple-git-hooks.cjs",
    // settings that name hooks, filters and helpers
    ".gitconfig",
    "home/.gitconfig",
    ".lfsconfig",
    // what runs for whoever opens the folder
    ".claude/settings.json",
    ".mcp.json",
    "opencode.json",
    ".vscode/tasks.json",
    ".devcontainer/devcontainer.json",
    // a link or a submodule in a folder's place
    ".github",
    // file systems that know no case
    ".GitHub/Workflows/x.yml",
    "PACKAGE.JSON",
    "JENKINSFILE"
  ]) {
    it(`${path} is one`, () => assert.deepStrictEqual(protectedAmong([path], []), [path]))
  }

  for (const path of [
    "src/main.ts",
    "github/workflows.ts",
    "docs/github.md",
    "src/package.json.ts",
    "mypackage.json",
    "src/lock.ts",
    "Makefile.md",
    "src/dockerfiles.ts",
    "notes/.github.md",
    "src/build.ts",
    "src/hooks/useTotals.ts",
    "src/pre-commit.ts",
    "docs/githooks.md",
    ".gitignore",
    "bin/update",
    "README.md",
    ""
  ]) {
    it(`${JSON.stringify(path)} is none`, () => assert.deepStrictEqual(protectedAmong([path], []), []))
  }

  it("are less those that were approved, letter for letter, and each is named once", () => {
    const paths = ["package.json", "a/package.json", "package.json", "Package.json", "src/a.ts"]
    assert.deepStrictEqual(protectedAmong(paths, ["package.json"]), ["a/package.json", "Package.json"])
    assert.deepStrictEqual(protectedAmong(paths, ["a/", "a", "*", ""]), [
      "package.json",
      "a/package.json",
      "Package.json"
    ])
  })

  it.prop(
    "are never approved by other paths, and nothing else is ever named",
    [Schema.Array(Schema.String), Schema.Array(Schema.String)],
    ([paths, approved]) => {
      const found = protectedAmong(paths, approved)
      assert.isTrue(found.every((path) => paths.includes(path) && !approved.includes(path)))
      assert.deepStrictEqual(
        found,
        protectedAmong(paths, []).filter((path) => !approved.includes(path))
      )
    }
  )
})
