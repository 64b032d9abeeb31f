import { assert, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { idle } from "../support/Client.ts"
import { cli, eventually } from "../support/Daemon.ts"
import { git, processesWith } from "./Folder.ts"
import { Project, type Pull } from "./Project.ts"
import { company, done, notesIn, openPull, outputOf, promptsOf, push, scripted, type Step, write } from "./Puppet.ts"

const head: Step = { sh: "git rev-parse HEAD" }
const nothing: Step = { tool: ["report_no_work", { reason: "It was only to look." }] }
const loose: Step = { sh: "echo loose > loose.txt" }
const seen: Step = { sh: "cat kept.txt loose.txt && git status --porcelain" }

it.live(
  "work that a kill cut off goes on with its files, in its workspace or in one made anew from what was saved",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const steps = (...last: ReadonlyArray<Step>) => ({
        fixer: [
          { when: "was cut off", do: [head, seen, push, openPull("Kept"), { sh: "rm loose.txt" }, done] },
          { do: [...write("kept.txt", "kept"), loose, head, company, ...last, { hang: true } as const] }
        ]
      })
      const issues = [yield* project.open("fix", steps()), yield* project.open("fix", steps({ tool: ["save_work"] }))]
      const agents = yield* Effect.forEach(issues, (number) => project.agentOn("fixer", number))
      const commits: Array<string> = []
      for (const id of agents) {
        yield* project.noted(id, "that it hangs", ({ hangs }) => hangs === true)
        commits.push(outputOf(project.notesOf(id), "git rev-parse HEAD"))
      }
      const [stays = "", removed = ""] = agents
      const clone = join(project.workspace(stays), "clone")
      const { ino } = statSync(clone)
      const left = project.processes().map(({ pid }) => pid)
      yield* project.stop("SIGKILL")
      assert.isTrue(project.processes().some(({ command }) => command.includes("4171")))
      rmSync(project.workspace(removed), { recursive: true, force: true })
      yield* project.start
      for (const [index, id] of agents.entries()) {
        yield* project.stands(id, "sleeping")
        const notes = project.notesOf(id)
        assert.strictEqual(outputOf(notes, "git rev-parse HEAD"), commits[index])
        assert.strictEqual(
          outputOf(notes, "cat kept.txt loose.txt && git status --porcelain"),
          "kept\nloose\n?? loose.txt"
        )
        const pull = yield* project.pullOf(id)
        assert.strictEqual(pull.head.sha, commits[index])
        const holders = yield* git(project.mirror, "for-each-ref", "--contains", pull.head.sha, "refs/squadron")
        assert.include(holders, id)
      }
      assert.strictEqual(statSync(clone).ino, ino)
      const now = new Set(project.processes().map(({ pid }) => pid))
      assert.deepStrictEqual(
        left.filter((pid) => now.has(pid)),
        []
      )
      const { after, before } = yield* project.looks
      assert.strictEqual(after, before)
    }).pipe(Effect.provide(Project.layer())),
  90_000
)

it.live(
  "ten agents that are at work when Squadron is told to stop have all of their work saved, nothing runs on, and all go on later",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const names = Array.from({ length: 10 }, (_, n) => `agent-${n}`)
      const issues = yield* Effect.forEach(names, (name) =>
        project.open("fix", {
          fixer: [
            { when: "was cut off", do: [{ sh: "cat *.loose" }, nothing] },
            { do: [{ sh: `echo ${name} > ${name}.loose` }, company, { hang: true }] }
          ]
        })
      )
      const agents = yield* Effect.forEach(issues, (number) => project.agentOn("fixer", number))
      for (const id of agents) yield* project.noted(id, "that it hangs", ({ hangs }) => hangs === true)
      assert.strictEqual(project.processes().filter(({ command }) => command.includes("4171")).length, 10)
      const { code } = yield* project.stop("SIGTERM")
      assert.strictEqual(code, 130)
      assert.deepStrictEqual(project.processes(), [])
      for (const [index, id] of agents.entries()) {
        const name = names[index] ?? ""
        assert.strictEqual(yield* git(project.mirror, "show", `refs/squadron/saved/${id}/1:${name}.loose`), name)
      }
      yield* project.start
      for (const [index, id] of agents.entries()) {
        yield* project.stands(id, "sleeping")
        assert.strictEqual(outputOf(project.notesOf(id), "cat *.loose"), names[index])
      }
    }).pipe(Effect.provide(Project.layer())),
  120_000
)

/** Lines in the notes of all agents. */
const linesIn = (folder: string): number =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .reduce((sum, name) => sum + readFileSync(join(folder, name), "utf8").split("\n").length - 1, 0)

it.live(
  "however often Squadron is killed meanwhile, each change has one pull request and is merged once",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const names = ["one", "two", "three"]
      for (const name of names) {
        const change: Step = {
          sh: `test -f ${name}.txt || { echo ${name} > ${name}.txt; git add .; git commit -q -m ${name}; }`
        }
        yield* project.open("fix", { fixer: [{ do: [change, push, openPull(name), done] }] })
      }
      for (const after of [4, 3, 2]) {
        const before = linesIn(project.notes)
        // where nothing is left to be noted, it is killed as it merges
        yield* eventually(
          "some work",
          Effect.sync(() => (linesIn(project.notes) >= before + after ? true : undefined)),
          { within: 1_500 }
        ).pipe(Effect.ignore)
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 120))
        yield* project.stop("SIGKILL")
        yield* project.start
      }
      yield* project.wait(
        "all being merged",
        Effect.map(project.get<ReadonlyArray<Pull>>("/pulls?state=closed"), (all) =>
          all.filter(({ merged }) => merged).length >= names.length ? true : undefined
        )
      )
      yield* idle(project.url())
      const pulls = yield* project.get<ReadonlyArray<Pull>>("/pulls?limit=1000")
      assert.deepStrictEqual(pulls.map(({ title }) => title).toSorted(), names.toSorted())
      const log = yield* git(project.bare, "log", "--format=%s", "--no-merges", "main")
      assert.deepStrictEqual(log.split("\n").toSorted(), ["Begin", ...names].toSorted())
      const merges = yield* git(project.bare, "log", "--format=%s", "--merges", "main")
      assert.strictEqual(merges.split("\n").length, names.length, merges)
      const { after, before } = yield* project.looks
      assert.strictEqual(after, before)
    }).pipe(Random.withSeed("changes"), Effect.provide(Project.layer({ config: [["people: 1", "people: 0"]] }))),
  120_000
)

it.live(
  "an agent has none of the daemon's secrets, but what its role names",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const script = { fixer: [{ do: [{ sh: "env" }, nothing] }] }
      const { code, err } = yield* cli(["issue", "create", "Look", "--label", "fix", "--body", scripted(script)], {
        cwd: project.folder,
        env: { SQUADRON_TOKEN: secrets.SQUADRON_TOKEN }
      })
      assert.strictEqual(code, 0, err)
      const notes = yield* project.wait(
        "its end",
        Effect.sync(() => {
          const [file] = readdirSync(project.notes)
          const all = file === undefined ? [] : notesIn(project.notes, file.split(".")[0] ?? "")
          return all.some(({ ends }) => ends === true) ? all : undefined
        })
      )
      const environment = notes.find((note) => note.environment !== undefined)?.environment ?? {}
      assert.deepStrictEqual(Object.keys(environment).toSorted(), [
        "HOME",
        "PATH",
        "PUPPET_LOG",
        "SQUADRON_HOME_ID",
        "SQUADRON_RUN",
        "TERM"
      ])
      assert.strictEqual(environment["PUPPET_LOG"], project.notes)
      assert.include(outputOf(notes, "env"), "PUPPET_LOG=")
      for (const value of Object.values(secrets)) assert.notInclude(JSON.stringify(notes), value)
      assert.include(promptsOf(notes)[0] ?? "", "the role `fixer`")
    }).pipe(Effect.provide(Project.layer({ env: secrets }))),
  60_000
)

const secrets = {
  SQUADRON_TOKEN: "the-api-token-0001",
  SQUADRON_GITHUB_WEBHOOK_SECRET: "the-webhook-secret-0002",
  SQUADRON_GITHUB_PRIVATE_KEY: "the-private-key-0003",
  ANTHROPIC_API_KEY: "the-model-key-0004",
  FOO_SECRET: "the-other-secret-0005"
}

/** Whether this machine can shut programs in. */
const canEnclose = spawnSync("bwrap", ["--unshare-all", "--ro-bind", "/", "/", "true"]).status === 0

it.live.runIf(canEnclose)(
  "a change arrives from a sandbox, from which neither the project nor anything else can be reached",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const outside = join(project.top, "outside")
      const look: Step = {
        sh: `ls ${project.folder}/.squadron; touch ${outside}; touch ${project.folder}/outside; ls -d ..; true`
      }
      const number = yield* project.open("fix", {
        fixer: [{ do: [look, ...write("shut-in.txt", "shut in"), openPull("Shut in"), done] }]
      })
      const id = yield* project.agentOn("fixer", number)
      yield* project.stands(id, "sleeping")
      const notes = notesIn(join(project.workspace(id), "home"), id)
      const listed = notes.find(({ sh }) => sh === look.sh)
      assert.match(listed?.err ?? "", /No such file or directory/)
      assert.strictEqual(listed?.out?.trim(), "..")
      assert.isFalse(existsSync(outside))
      const pull = yield* project.pullOf(id)
      yield* project.approve(pull.number)
      yield* project.merged(pull.number)
      yield* git(project.bare, "cat-file", "-e", "main:shut-in.txt")

      // what is shut in does not outlive its daemon either
      const other = yield* project.open("fix", {
        fixer: [
          { when: "was cut off", do: [{ sh: "cat loose.txt" }, nothing] },
          { do: [loose, company, { hang: true }] }
        ]
      })
      const cut = yield* project.agentOn("fixer", other)
      const home = join(project.workspace(cut), "home")
      yield* project.wait(
        "its grandchild",
        Effect.sync(() => (existsSync(join(home, "there")) ? true : undefined))
      )
      yield* project.stop("SIGKILL")
      yield* project.start
      yield* project.stands(cut, "sleeping")
      assert.strictEqual(outputOf(notesIn(home, cut), "cat loose.txt"), "loose")
      yield* project.stop("SIGTERM")
      assert.deepStrictEqual(processesWith(`HOME=${home}`), [])
      const { after, before } = yield* project.looks
      assert.strictEqual(after, before)
    }).pipe(Effect.provide(Project.layer({ config: [["sandbox: off", "sandbox: auto"]], env: { PUPPET_LOG: "" } }))),
  90_000
)
