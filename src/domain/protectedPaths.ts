/** Folders whose files decide what machines run or who is asked, at any depth. */
const folders: ReadonlySet<string> = new Set([
  ".github",
  ".squadron",
  ".circleci",
  ".ci",
  ".buildkite",
  ".gitlab",
  ".woodpecker",
  // hooks that git runs once it is told of the folder, and what git itself would take for a repository
  ".husky",
  ".githooks",
  ".git-hooks",
  "githooks",
  "git-hooks",
  ".git",
  // what editors and coding agents run for whoever opens the folder
  ".vscode",
  ".devcontainer",
  ".claude",
  ".codex",
  ".cursor",
  ".gemini",
  ".opencode",
  ".qwen"
])

/** Files of that kind by name, at any depth, in lower case. */
const names: ReadonlySet<string> = new Set([
  // continuous integration
  ".gitlab-ci.yml",
  ".gitlab-ci.yaml",
  "jenkinsfile",
  ".travis.yml",
  ".drone.yml",
  ".woodpecker.yml",
  "appveyor.yml",
  ".appveyor.yml",
  "azure-pipelines.yml",
  "azure-pipelines.yaml",
  "bitbucket-pipelines.yml",
  "cloudbuild.yaml",
  "cloudbuild.yml",
  // hooks by a tool of their own
  ".pre-commit-config.yaml",
  ".pre-commit-config.yml",
  ".pre-commit-hooks.yaml",
  ".overcommit.yml",
  // git's own, which core.hooksPath finds in any folder
  "applypatch-msg",
  "commit-msg",
  "post-applypatch",
  "post-checkout",
  "post-commit",
  "post-index-change",
  "post-merge",
  "post-rewrite",
  "pre-applypatch",
  "pre-auto-gc",
  "pre-commit",
  "pre-merge-commit",
  "pre-push",
  "pre-rebase",
  "prepare-commit-msg",
  "push-to-checkout",
  "reference-transaction",
  "sendemail-validate",
  "fsmonitor-watchman",
  // servers that coding agents start
  ".mcp.json",
  "opencode.json",
  "opencode.jsonc",
  // builds, and what package managers run or where they look
  "makefile",
  "gnumakefile",
  "justfile",
  ".justfile",
  "taskfile.yml",
  "rakefile",
  "dockerfile",
  "containerfile",
  "docker-compose.yml",
  "docker-compose.yaml",
  "compose.yml",
  "compose.yaml",
  "package.json",
  "pnpm-workspace.yaml",
  ".pnpmfile.cjs",
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  "deno.json",
  "deno.jsonc",
  "pom.xml",
  "build.xml",
  "build.sbt",
  "build.rs",
  "cargo.toml",
  "build.zig",
  "setup.py",
  "setup.cfg",
  "pyproject.toml",
  "gemfile",
  "composer.json",
  "mix.exs",
  "package.swift",
  "podfile",
  "cmakelists.txt",
  "meson.build",
  "configure.ac",
  "build",
  "build.bazel",
  "workspace",
  "workspace.bazel",
  "module.bazel",
  ".bazelrc",
  "flake.nix",
  ".envrc",
  // what a build fetches, to the byte
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "bun.lock",
  "bun.lockb",
  "deno.lock",
  "cargo.lock",
  "go.sum",
  "poetry.lock",
  "uv.lock",
  "pdm.lock",
  "pixi.lock",
  "pipfile.lock",
  "gemfile.lock",
  "composer.lock",
  "mix.lock",
  "podfile.lock",
  "pubspec.lock",
  "package.resolved",
  "packages.lock.json",
  "gradle.lockfile",
  "flake.lock",
  // what git and the forge do with a repository
  ".gitmodules",
  ".gitattributes",
  ".gitconfig",
  ".lfsconfig",
  "codeowners"
])

/** The rest, by how their names begin or end. */
const patterns: ReadonlyArray<RegExp> = [
  /^\.?lefthook(?:-local)?\.(?:ya?ml|toml|jsonc?)$/,
  /^\.(?:huskyrc|lintstagedrc|simple-git-hooks)(?:\.[a-z]+)?$/,
  /^(?:lint-staged|simple-git-hooks)(?:\.config)?\.[a-z]+$/,
  /^(?:dockerfile|containerfile)\./,
  /\.dockerfile$/,
  /\.gradle(?:\.kts)?$/,
  /\.gemspec$/,
  /\.cmake$/,
  /\.mk$/,
  /\.(?:cs|fs|vb)proj$/
]

const isProtected = (path: string): boolean => {
  const parts = path.toLowerCase().split("/")
  const name = parts.pop() ?? ""
  // a folder's own path is there where it is a link or a submodule
  if (folders.has(name) || parts.some((part) => folders.has(part))) return true
  return names.has(name) || patterns.some((pattern) => pattern.test(name))
}

/**
 * The paths among these that only a person may let an agent change: CI, build scripts, lock files, Squadron's own
 * configuration, hooks, and what git, the forge and coding agents act on. Less those that were approved, which are compared letter for letter.
 */
export const protectedAmong = (paths: ReadonlyArray<string>, approved: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(paths)].filter((path) => isProtected(path) && !approved.includes(path))
