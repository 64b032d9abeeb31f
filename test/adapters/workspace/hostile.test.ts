import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Janitor } from "../../../src/adapters/workspace/Janitor.ts"
import { type Workspace, Workspaces } from "../../../src/services/Workspaces.ts"
import { agent, commitAll, git, makeOrigin, Place, repository, request, test, text, write } from "./Rig.ts"

const hookNames = [
  "post-checkout",
  "post-index-change",
  "pre-auto-gc",
  "reference-transaction",
  "post-commit",
  "proc-receive"
]

/** Every way that is known to have git run something, by a git dir's settings; each leaves its name in `traps`. */
const plant = (folder: string, traps: string): void => {
  mkdirSync(traps, { recursive: true })
  const trap = (name: string): string => {
    const program = join(`${traps}-programs`, name)
    write(`${traps}-programs`, { [name]: `#!/bin/sh\ntouch ${traps}/${name}\nexit 1\n` })
    chmodSync(program, 0o755)
    return program
  }
  const gitDir = join(folder, ".git")
  for (const name of [...hookNames, "fsmonitor-watchman"]) {
    write(join(gitDir, "hooks"), { [name]: `#!/bin/sh\ntouch ${traps}/hook-${name}\n` })
    chmodSync(join(gitDir, "hooks", name), 0o755)
  }
  write(gitDir, {
    "info/attributes": "* filter=evil diff=evil merge=evil\n",
    "more-config": `[core]\n\tfsmonitor = ${JSON.stringify(trap("included"))}\n`
  })
  const settings = {
    "core.hooksPath": `${gitDir}/hooks`,
    "core.fsmonitor": trap("fsmonitor"),
    "core.sshCommand": trap("ssh"),
    "core.editor": trap("editor"),
    "core.pager": trap("pager"),
    "core.gitProxy": trap("proxy"),
    "core.worktree": "/etc",
    "core.attributesFile": `${gitDir}/info/attributes`,
    "core.alternateRefsCommand": trap("alternates"),
    "uploadpack.packObjectsHook": trap("pack"),
    "uploadpack.allowFilter": "true",
    "filter.evil.clean": trap("clean"),
    "filter.evil.smudge": trap("smudge"),
    "filter.evil.process": trap("process"),
    "filter.evil.required": "true",
    "diff.evil.command": trap("diff"),
    "diff.evil.textconv": trap("textconv"),
    "diff.external": trap("external"),
    "credential.helper": `!${trap("credential")}`,
    "gpg.program": trap("gpg"),
    "log.showSignature": "true",
    "alias.upload-pack": `!${trap("alias")}`,
    "include.path": `${gitDir}/more-config`,
    "extensions.partialClone": "evil",
    "remote.evil.promisor": "true",
    "remote.evil.url": `ext::${trap("remote")}`,
    "remote.evil.uploadpack": trap("uploadpack"),
    "protocol.ext.allow": "always"
  }
  // By hand, since git itself falls for some of them.
  const lines = Object.entries(settings).map(([name, value]) => {
    const section = name.slice(0, name.lastIndexOf(".")).replace(/^([^.]+)\.(.+)$/, '$1 "$2"')
    return `[${section}]\n\t${name.slice(name.lastIndexOf(".") + 1)} = ${JSON.stringify(value)}\n`
  })
  writeFileSync(join(gitDir, "config"), `[core]\n\trepositoryformatversion = 1\n${lines.join("")}`)
}

/** The traps are good: git itself falls into one. */
const assertGood = (folder: string, traps: string, ...args: ReadonlyArray<string>): void => {
  assert.deepStrictEqual(sprung(traps), [])
  try {
    git(folder, "--work-tree", folder, ...args)
  } catch {
    // What a trap answers is of no use to git.
  }
  assert.isNotEmpty(sprung(traps))
  for (const name of sprung(traps)) rmSync(join(traps, name))
}

const sprung = (traps: string): ReadonlyArray<string> => (existsSync(traps) ? readdirSync(traps) : [])

/** Whatever Squadron does with a workspace that is there. */
const useAll = Effect.fnUntraced(function* (workspace: Workspace) {
  const workspaces = yield* Workspaces
  const work = yield* workspaces.inspect(workspace)
  const saved = yield* workspaces.save(workspace.agent)
  yield* workspaces.changed(repository, work.baseCommit, work.head)
  yield* workspaces.diff(repository, work.mergeBase, work.head, 1_000_000)
  return { work, saved, show: (path: string) => git(workspace.mirror, "show", `${saved?.ref}:${path}`) }
})

const inWorkspace = <A, E, R>(body: (workspace: Workspace) => Effect.Effect<A, E, R>) =>
  Effect.scoped(
    Effect.flatMap(
      Workspaces.use((workspaces) => workspaces.open(request)),
      body
    )
  )

/** Opens it again, removes it, makes it anew. */
const comeAndGo = Effect.gen(function* () {
  yield* inWorkspace(() => Effect.void)
  const { removed } = yield* (yield* Janitor).sweep({ live: [], now: 0 })
  assert.deepStrictEqual(removed, [agent])
  yield* inWorkspace(() => Effect.void)
})

describe("nothing that an agent planted is run:", () => {
  test(
    "not by its clone's settings, hooks, filters and attributes",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const traps = join(stateDir, "..", "traps")
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          write(clone, { "src/a.txt": "changed\n" })
          const head = commitAll(clone, "work")
          write(clone, {
            ".gitattributes": "* filter=evil diff=evil text\n",
            "src/a.txt": "again\r\n",
            "new.txt": "new\r\n"
          })
          plant(clone, traps)
          const { show, work } = yield* useAll(workspace)
          assert.deepInclude(work, { head, dirty: true })
          assert.strictEqual(show("new.txt"), "new\r", "byte for byte")
          assertGood(clone, traps, "status")
        })
      )
      yield* comeAndGo
      assert.deepStrictEqual(sprung(traps), [])
    })
  )

  test(
    "not for an object that is missing and said to be elsewhere",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const traps = join(stateDir, "..", "traps")
      const workspaces = yield* Workspaces
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          write(clone, { "big.txt": "missing\n" })
          commitAll(clone, "work")
          const blob = git(clone, "rev-parse", "HEAD:big.txt")
          rmSync(join(clone, ".git/objects", blob.slice(0, 2), blob.slice(2)))
          plant(clone, traps)
          const failure = yield* Effect.flip(workspaces.inspect(workspace))
          assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
          const saved = yield* workspaces.save(agent)
          assert.strictEqual(git(workspace.mirror, "show", `${saved?.ref}:big.txt`), "missing")
          assertGood(clone, traps, "cat-file", "-p", "1".repeat(40))
        })
      )
      assert.deepStrictEqual(sprung(traps), [])
    })
  )

  test(
    "not by repositories inside of it, tracked ones too; their files are saved as files",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      const traps = join(stateDir, "..", "traps")
      makeOrigin(join(origin, "module"))
      commitAll(origin, "with a repository inside")
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          assert.isFalse((yield* Workspaces.use((workspaces) => workspaces.inspect(workspace))).dirty)
          for (const name of ["module", "nested", "nested/deeper", "unborn", "nested/ünborn"]) {
            const folder = join(clone, name)
            mkdirSync(folder, { recursive: true })
            // As the agent would fetch it: at the commit that is tracked.
            if (name === "module") git(clone, "clone", "-q", join(origin, "module"), "module")
            else git(folder, "init", "-q")
            write(folder, { "file.txt": `${name}\n`, ".gitignore": "skipped\n", skipped: "x" })
            if (!name.endsWith("born") && name !== "module") commitAll(folder, "inside")
            write(folder, { "later.txt": "later\n", ".gitattributes": "* filter=evil\n" })
            plant(folder, traps)
          }
          write(clone, { "linked/.git": `gitdir: ${origin}/.git\n`, "linked/x.txt": "x\n" })
          write(clone, { "bare/.git/none": "no repository", "bare/y.txt": "y\n" })
          const { saved, show, work } = yield* useAll(workspace)
          assert.isTrue(work.dirty)
          const files = git(workspace.mirror, "ls-tree", "-r", "--name-only", saved?.commit ?? "").split("\n")
          for (const name of ["module", "nested", "nested/deeper", "unborn"]) {
            assert.strictEqual(show(`${name}/file.txt`), name)
            assert.strictEqual(show(`${name}/later.txt`), "later")
            assert.notInclude(files, `${name}/skipped`)
          }
          assert.strictEqual(show("linked/x.txt"), "x")
          assert.strictEqual(show("bare/y.txt"), "y")
          assert.isEmpty(files.filter((file) => file.includes(".git/")))
          assert.isNull(yield* Workspaces.use((workspaces) => workspaces.save(agent)))
          assertGood(join(clone, "nested"), traps, "status")
          assertGood(clone, traps, "add", "-u")
        })
      )
      yield* comeAndGo
      assert.deepStrictEqual(sprung(traps), [])
    })
  )
})

describe("nothing outside of the clone gets into the mirror:", () => {
  const secretCommit = (origin: string) => {
    const other = makeOrigin(join(origin, "..", "secret"))
    write(other, { "secret.txt": "secret\n" })
    return { other, commit: commitAll(other, "secret") }
  }
  const has = (mirror: string, id: string): boolean => {
    try {
      git(mirror, "cat-file", "-e", id)
      return true
    } catch {
      return false
    }
  }

  const ways: ReadonlyArray<readonly [string, (gitDir: string, other: string, commit: string) => void]> = [
    [
      "by a .git file",
      (gitDir, other) => {
        renameSync(gitDir, `${gitDir}-old`)
        writeFileSync(gitDir, `gitdir: ${other}/.git\n`)
      }
    ],
    [
      "by a .git that is a link",
      (gitDir, other) => {
        renameSync(gitDir, `${gitDir}-old`)
        symlinkSync(`${other}/.git`, gitDir)
      }
    ],
    [
      "by alternates",
      (gitDir, other, commit) => {
        writeFileSync(`${gitDir}/objects/info/alternates`, `${other}/.git/objects\n`)
        writeFileSync(`${gitDir}/refs/heads/stolen`, `${commit}\n`)
      }
    ],
    [
      "by objects that are links",
      (gitDir, other, commit) => {
        for (const name of readdirSync(`${other}/.git/objects`)) {
          if (name.length === 2 && !existsSync(`${gitDir}/objects/${name}`)) {
            symlinkSync(`${other}/.git/objects/${name}`, `${gitDir}/objects/${name}`)
          }
        }
        writeFileSync(`${gitDir}/refs/heads/stolen`, `${commit}\n`)
      }
    ],
    [
      "by single objects that are links",
      (gitDir, other, commit) => {
        for (const folder of readdirSync(`${other}/.git/objects`).filter((name) => name.length === 2)) {
          mkdirSync(`${gitDir}/objects/${folder}`, { recursive: true })
          for (const name of readdirSync(`${other}/.git/objects/${folder}`)) {
            if (!existsSync(`${gitDir}/objects/${folder}/${name}`)) {
              symlinkSync(`${other}/.git/objects/${folder}/${name}`, `${gitDir}/objects/${folder}/${name}`)
            }
          }
        }
        writeFileSync(`${gitDir}/refs/heads/stolen`, `${commit}\n`)
      }
    ],
    [
      "by packs that are links",
      (gitDir, other, commit) => {
        git(other, "repack", "-a", "-d", "-q")
        mkdirSync(`${gitDir}/objects/pack`, { recursive: true })
        for (const name of readdirSync(`${other}/.git/objects/pack`)) {
          symlinkSync(`${other}/.git/objects/pack/${name}`, `${gitDir}/objects/pack/${name}`)
        }
        writeFileSync(`${gitDir}/refs/heads/stolen`, `${commit}\n`)
      }
    ],
    [
      "by a common dir",
      (gitDir, other) => {
        writeFileSync(`${gitDir}/commondir`, `${other}/.git\n`)
      }
    ],
    [
      "by refs that are links",
      (gitDir, other) => {
        rmSync(`${gitDir}/refs`, { recursive: true })
        symlinkSync(`${other}/.git/refs`, `${gitDir}/refs`)
      }
    ]
  ]
  for (const [way, spoil] of ways) {
    test(
      way,
      Effect.gen(function* () {
        const { origin } = yield* Place
        const { commit, other } = secretCommit(origin)
        const workspaces = yield* Workspaces
        yield* inWorkspace((workspace) =>
          Effect.gen(function* () {
            write(workspace.path, { "own.txt": "own\n" })
            commitAll(workspace.path, "own")
            write(workspace.path, { "later.txt": "later\n" })
            spoil(join(workspace.path, ".git"), other, commit)
            yield* Effect.exit(workspaces.inspect(workspace))
            const saved = yield* workspaces.save(agent)
            assert.strictEqual(git(workspace.mirror, "show", `${saved?.ref}:later.txt`), "later")
            assert.isFalse(has(workspace.mirror, commit))
          })
        )
        yield* inWorkspace((workspace) =>
          Effect.sync(() => {
            assert.strictEqual(text(workspace.path, "later.txt"), "later\n")
            assert.isFalse(has(workspace.mirror, commit))
          })
        )
      })
    )
  }

  test(
    "by links in the tree; they are saved as links",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const outside = join(stateDir, "..", "outside")
      write(outside, { "secret.txt": "secret\n", "deep/b.txt": "another b\n" })
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          symlinkSync(join(outside, "secret.txt"), join(clone, "link.txt"))
          symlinkSync(outside, join(clone, "link"))
          rmSync(join(clone, "src"), { recursive: true })
          symlinkSync(outside, join(clone, "src"))
          rmSync(join(clone, "readme.md"))
          symlinkSync("/etc/hostname", join(clone, "readme.md"))
          symlinkSync("nowhere", join(clone, "dangling"))
          const { saved } = yield* useAll(workspace)
          const tree = git(workspace.mirror, "ls-tree", "-r", saved?.commit ?? "").split("\n")
          assert.deepStrictEqual(
            tree.map((line) => `${line.slice(0, 6)} ${line.split("\t")[1]}`),
            ["100644 .gitignore", "120000 dangling", "120000 link", "120000 link.txt", "120000 readme.md", "120000 src"]
          )
          assert.strictEqual(git(workspace.mirror, "show", `${saved?.ref}:src`), outside)
        })
      )
      yield* comeAndGo
      assert.isTrue(lstatSync(join(stateDir, "workspaces", agent, "clone/src")).isSymbolicLink())
      assert.strictEqual(text(outside, "deep/b.txt"), "another b\n")
    })
  )
})

describe("what an agent leaves in its clone is saved, whatever it is:", () => {
  test(
    "names of all kinds",
    Effect.gen(function* () {
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          const names = [
            "new\nline",
            "tab\there",
            'quote"d',
            "back\\slash",
            "-dash",
            ":(exclude)x",
            "ümlaut",
            "git~1",
            " ",
            "*"
          ]
          for (const name of names) write(clone, { [name]: `${name}\n` })
          const folder = Buffer.from(`${clone}/`)
          writeFileSync(Buffer.concat([folder, Buffer.from("latin\xff\n", "latin1")]), "not utf-8\n")
          mkdirSync(Buffer.concat([folder, Buffer.from("n\xe9sted/.git", "latin1")]), { recursive: true })
          execFileSync("sh", ["-c", 'cd "$(printf "n\\351sted")" && git init -q && echo in > in.txt'], { cwd: clone })
          const { saved, work } = yield* useAll(workspace)
          assert.isTrue(work.dirty)
          const files = git(workspace.mirror, "ls-tree", "-r", "-z", "--name-only", saved?.commit ?? "").split("\0")
          const bytes = (name: string) => Buffer.from(name).toString("latin1")
          assert.includeMembers(files, [...names.map(bytes), "latin\xff\n", "n\xe9sted/in.txt"])
        })
      )
      yield* comeAndGo
    })
  )

  test(
    "branches, tags, stashes, what is staged, what a merge and a rebase have begun, worktrees",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          const expected: Array<string> = []
          const commit = (name: string) => {
            write(clone, { [`${name}.txt`]: `${name}\n` })
            expected.push(commitAll(clone, name))
          }
          commit("one")
          git(clone, "checkout", "-q", "-b", "side/branch")
          commit("side")
          git(clone, "checkout", "-q", "--detach")
          commit("tagged")
          git(clone, "tag", "-a", "kept", "-m", "annotated")
          git(clone, "checkout", "-q", "side/branch")
          for (const name of ["first", "second"]) {
            write(clone, { "one.txt": `stash ${name}\n`, [`u-${name}.txt`]: `untracked in ${name}\n` })
            git(clone, "stash", "push", "-q", "-u")
            expected.push(git(clone, "rev-parse", "stash@{0}"), git(clone, "rev-parse", "stash@{0}^3"))
          }
          git(clone, "worktree", "add", "-q", "--detach", "../home/tree")
          write(join(clone, "../home/tree"), { "tree.txt": "in a worktree\n" })
          expected.push(commitAll(join(clone, "../home/tree"), "in a worktree"))
          git(clone, "pack-refs", "--all")
          write(clone, { "ignored/forced.txt": "forced\n", "one.txt": "staged\n" })
          git(clone, "add", "-f", "ignored/forced.txt", "one.txt")
          const blobs = [git(clone, "rev-parse", ":ignored/forced.txt"), git(clone, "rev-parse", ":one.txt")]
          write(clone, { "one.txt": "worktree\n" })
          const saved = yield* workspaces.save(agent)
          const objects = git(workspace.mirror, "rev-list", "--objects", saved?.ref ?? "")
          for (const id of [...expected, ...blobs]) assert.include(objects, id)
          assert.isNull(yield* workspaces.save(agent), "all of it is there")
          git(clone, "branch", "-D", "main")
          assert.isNull(yield* workspaces.save(agent), "a branch less is nothing new")
        })
      )
      yield* comeAndGo
    })
  )

  test(
    "commits that no branch leads to any more, if they were seen once",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      yield* inWorkspace((workspace) =>
        Effect.gen(function* () {
          const clone = workspace.path
          write(clone, { "lost.txt": "lost\n" })
          const lost = commitAll(clone, "lost")
          git(clone, "checkout", "-q", "-b", "x")
          const other = commitAll(clone, "on x")
          git(clone, "checkout", "-q", request.branch)
          yield* workspaces.inspect(workspace)
          git(clone, "reset", "-q", "--hard", "HEAD~1")
          git(clone, "branch", "-D", "x")
          git(clone, "branch", "x/y")
          rmSync(join(clone, ".git/logs"), { recursive: true })
          yield* workspaces.inspect(workspace)
          assert.include(git(workspace.mirror, "for-each-ref", "--contains", other), "refs/squadron/kept/")
          assert.include(git(workspace.mirror, "for-each-ref", "--contains", lost), "refs/squadron/kept/")
          const saved = yield* workspaces.save(agent)
          const history = git(workspace.mirror, "rev-list", saved?.ref ?? "").split("\n")
          assert.includeMembers(history, [lost, other])
          assert.strictEqual(git(workspace.mirror, "for-each-ref", "refs/squadron/kept"), "")
          assert.strictEqual(
            git(workspace.mirror, "rev-parse", `refs/squadron/work/${agent}/x/y`),
            workspace.baseCommit
          )
        })
      )
    })
  )

  test(
    "files where the clone is broken in any way; commits that can be read are saved with them",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const breakings: ReadonlyArray<readonly [string, "all" | "files", (gitDir: string) => void]> = [
        ["index.lock", "all", (gitDir) => writeFileSync(`${gitDir}/index.lock`, "")],
        ["garbage index", "all", (gitDir) => writeFileSync(`${gitDir}/index`, "garbage")],
        ["garbage config", "all", (gitDir) => writeFileSync(`${gitDir}/config`, "[garbage")],
        ["garbage packed-refs", "all", (gitDir) => writeFileSync(`${gitDir}/packed-refs`, "\0garbage\n\n ^\n")],
        ["a ref to nothing", "all", (gitDir) => writeFileSync(`${gitDir}/refs/heads/none`, `${"2".repeat(40)}\n`)],
        [
          "refs with names that are none",
          "all",
          (gitDir) => {
            for (const name of ["-x", "a..b", "new\nline", "x.lock", "q?"]) {
              writeFileSync(`${gitDir}/refs/heads/${name}`, `${"2".repeat(40)}\n`)
            }
          }
        ],
        [
          "a ref and a folder of the same name",
          "all",
          (gitDir) => {
            const id = text(gitDir, "refs/heads", request.branch)
            writeFileSync(`${gitDir}/packed-refs`, `${id.trim()} refs/heads/squadron\n`)
          }
        ],
        [
          "pipes instead of files",
          "all",
          (gitDir) => {
            execFileSync("mkfifo", [`${gitDir}/refs/heads/pipe`, `${gitDir}/MERGE_HEAD`])
          }
        ],
        [
          "a replaced commit",
          "all",
          (gitDir) => {
            write(gitDir, {
              [`refs/replace/${text(gitDir, "refs/heads", request.branch).trim()}`]: `${"2".repeat(40)}\n`
            })
          }
        ],
        ["garbage HEAD", "all", (gitDir) => writeFileSync(`${gitDir}/HEAD`, "garbage")],
        [
          "a pipe for a HEAD",
          "all",
          (gitDir) => {
            rmSync(`${gitDir}/HEAD`)
            execFileSync("mkfifo", [`${gitDir}/HEAD`])
          }
        ],
        ["no objects", "files", (gitDir) => rmSync(`${gitDir}/objects`, { recursive: true })],
        [
          "garbage objects",
          "files",
          (gitDir) => {
            for (const name of readdirSync(`${gitDir}/objects`)) {
              if (name.length !== 2) continue
              for (const file of readdirSync(`${gitDir}/objects/${name}`)) {
                chmodSync(`${gitDir}/objects/${name}/${file}`, 0o644)
                writeFileSync(`${gitDir}/objects/${name}/${file}`, "garbage")
              }
            }
          }
        ],
        [
          "a .git that is a file",
          "files",
          (gitDir) => {
            rmSync(gitDir, { recursive: true })
            writeFileSync(gitDir, "garbage")
          }
        ],
        ["no .git", "files", (gitDir) => rmSync(gitDir, { recursive: true })]
      ]
      for (const [i, [what, kept, spoil]] of breakings.entries()) {
        const asked = { ...request, agent: `dev-${i}-e1` }
        yield* Effect.scoped(
          Effect.gen(function* () {
            const workspace = yield* workspaces.open(asked)
            const clone = workspace.path
            git(clone, "checkout", "-q", "-b", "side")
            const side = commitAll(clone, "on the side")
            git(clone, "checkout", "-q", request.branch)
            write(clone, { "committed.txt": "committed\n" })
            const head = commitAll(clone, "work")
            write(clone, { "src/a.txt": "changed\n", "new.txt": "new\n" })
            rmSync(join(clone, "readme.md"))
            spoil(join(clone, ".git"))
            yield* Effect.exit(workspaces.inspect(workspace))
            const saved = yield* workspaces.save(asked.agent)
            const files = git(workspace.mirror, "ls-tree", "-r", "--name-only", saved?.commit ?? "").split("\n")
            assert.deepStrictEqual(
              files,
              [".gitignore", "committed.txt", "new.txt", "src/a.txt", "src/deep/b.txt"],
              what
            )
            const history = git(workspace.mirror, "rev-list", saved?.commit ?? "").split("\n")
            if (kept === "all") assert.includeMembers(history, [head, side], what)
            assert.isNull(yield* workspaces.save(asked.agent), what)
          })
        )
      }
    }),
    {},
    60_000
  )
})
