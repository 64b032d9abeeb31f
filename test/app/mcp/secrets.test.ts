import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Tool } from "../../../src/domain/Action.ts"
import { makeRole } from "../../../src/domain/Role.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { toolNames } from "../../../src/domain/toolCall.ts"
import type { Workspace } from "../../../src/services/Workspaces.ts"
import { commitAll, git, write } from "../../adapters/workspace/Rig.ts"
import { begin, headOf, test } from "./OnWorkspace.ts"
import { connect, linesOf, startRun, withRig } from "./Rig.ts"
import { repository, someIssue, somePull } from "./TestForge.ts"

const secret = `ghp_${"aB3".repeat(12)}`

type JsonSchema = {
  readonly type?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly items?: JsonSchema
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly minimum?: number
  readonly exclusiveMinimum?: number
}

/** A value of the schema without any text of its own; where a word is needed it says so. */
const plain = (schema: JsonSchema): unknown => {
  if (schema.anyOf !== undefined) return plain(schema.anyOf[0] ?? {})
  if (schema.enum !== undefined) return schema.enum[0]
  switch (schema.type) {
    case "string":
      return "word"
    case "integer":
    case "number":
      return (schema.minimum ?? schema.exclusiveMinimum ?? 0) + 1
    case "boolean":
      return true
    case "array":
      return [plain(schema.items ?? {})]
    default:
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, of]) => [name, plain(of)]))
  }
}

type Filled = { readonly place: string; readonly value: unknown }

/** The value once for each place that takes a text, with the secret there. */
const filled = (schema: JsonSchema, place = ""): ReadonlyArray<Filled> => {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((one) => filled(one, place))
  if (schema.enum !== undefined) return []
  if (schema.type === "string") return [{ place, value: secret }]
  if (schema.type === "array") {
    return filled(schema.items ?? {}, `${place}[]`).map(({ place, value }) => ({ place, value: [value] }))
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, of]) =>
    filled(of, place === "" ? name : `${place}.${name}`).map(({ place, value }) => ({
      place,
      value: { ...(plain(schema) as object), [name]: value }
    }))
  )
}

/** May do all that any role may. */
const everything = makeRole({
  name: "all",
  harness: { _tag: "function", name: "none" },
  tools: [...Tool.literals],
  workspace: { base: null }
})

describe("a secret", { timeout: 60_000 }, () => {
  it.live(
    "in any text of any tool is refused before anything is done",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        somePull(told, 8, { author: "ada", body: "x", head: { ref: "fix", sha: "1".repeat(40), repository } })
        const place = { agent: "all-8-e1", repository, base: "main", branch: "squadron/all-8-e1" }
        // nobody looks into it before the texts are looked through
        const workspace: Workspace = {
          ...place,
          path: "/nonexistent",
          home: "/nonexistent",
          mirror: "/nonexistent",
          baseCommit: "1".repeat(40),
          fresh: true
        }
        const subject = Subject.pullRequest(repository, 8)
        const grant = yield* startRun(everything, { id: place.agent, subject }, workspace)
        const client = yield* connect(grant)
        const { body } = yield* client.request("tools/list", {})
        const tools = body.result?.tools ?? []
        assert.sameMembers(
          tools.map(({ name }) => name),
          [...toolNames]
        )
        const places: Array<string> = []
        for (const { inputSchema, name } of tools) {
          for (const { place, value } of filled(inputSchema as JsonSchema)) {
            places.push(`${name} ${place}`)
            const { isError, text } = yield* client.call(name, value as Readonly<Record<string, unknown>>)
            assert.isTrue(isError, `${name} ${place}`)
            assert.strictEqual(text, "Your text holds a GitHub token. Leave it out and call again.", `${name} ${place}`)
          }
        }
        assert.isAtLeast(places.length, 20)
        assert.includeMembers(places, [
          "comment body",
          "open_issue title",
          "open_issue labels[]",
          "open_pull_request title",
          "open_pull_request body",
          "update_pull_request body",
          "review body",
          "review comments[].path",
          "review comments[].body",
          "reply_review body",
          "report_blocked on[]",
          "report_done summary",
          "ask_person question"
        ])
        assert.isNull(grant.reported)
        assert.deepStrictEqual(told.performed, [])
        const lines = yield* linesOf(grant.agent.id)
        assert.isAtLeast(lines.length, 20)
        assert.notInclude(lines.join("\n"), secret)
      })
    )
  )
})

describe("a push lets no secret out", () => {
  /** The push is refused with these words and nothing of it is on the forge; the work is undone. */
  const refusedWith = Effect.fnUntraced(function* (
    { client, clone }: Effect.Success<ReturnType<typeof begin>>,
    origin: string,
    words: string
  ) {
    const { isError, text } = yield* client.call("push_work")
    assert.isTrue(isError)
    assert.include(text, words)
    assert.isNull(headOf(origin))
    git(clone, "reset", "-q", "--hard", "main")
  })

  test("in the body of a commit's message, however far down", ({ origin }) =>
    Effect.gen(function* () {
      const run = yield* begin()
      write(run.clone, { "src/a.txt": "a\n" })
      commitAll(run.clone, `change a\n\nThe first line is fine.\n\n${"text\n".repeat(500)}\nused ${secret}`)
      yield* refusedWith(run, origin, "a GitHub token in \"a commit's message")
      // a subject that is longer than anybody shows
      write(run.clone, { "src/a.txt": "a\n" })
      commitAll(run.clone, `${"word ".repeat(200)}${secret}`)
      yield* refusedWith(run, origin, "a GitHub token in \"a commit's message")
      // an earlier one than the newest
      write(run.clone, { "src/a.txt": "a\n" })
      commitAll(run.clone, `one\n\n${secret}`)
      write(run.clone, { "src/b.txt": "b\n" })
      commitAll(run.clone, "two")
      yield* refusedWith(run, origin, "a GitHub token in \"a commit's message")
    }))

  test("in what else stands in a commit: author, committer, any other line", ({ origin }) =>
    Effect.gen(function* () {
      const run = yield* begin()
      for (const [line, other] of [
        [/^author Ann </m, `author Ann ${secret} <`],
        [/^author Ann <ann@/m, `author Ann <${secret}@`],
        [/^committer Ann </m, `committer ${secret} <`],
        [/^committer Ann <ann@/m, `committer Ann <${secret}@`],
        [/^(committer .*)$/m, `$1\nnote ${secret}`]
      ] as const) {
        commitAll(run.clone, "a")
        write(run.clone, { "../commit": `${git(run.clone, "cat-file", "commit", "HEAD").replace(line, other)}\n` })
        git(run.clone, "reset", "-q", "--hard", git(run.clone, "hash-object", "-t", "commit", "-w", "../commit"))
        yield* refusedWith(run, origin, "a GitHub token in \"a commit's author, committer or other header")
      }
    }))

  test("in a path, also of a file that is empty, or whose name git quotes", ({ origin }) =>
    Effect.gen(function* () {
      const run = yield* begin()
      for (const path of [`src/${secret}`, `src/${secret}/empty`, `src/é${secret}`, `${secret}.txt`]) {
        write(run.clone, { [path]: path.endsWith(".txt") ? "text\n" : "" })
        commitAll(run.clone, "a file")
        yield* refusedWith(run, origin, 'a GitHub token in "the name of a file"')
      }
      // gone again before the push, and still in its history
      write(run.clone, { [`src/${secret}`]: "" })
      commitAll(run.clone, "a file")
      git(run.clone, "rm", "-q", `src/${secret}`)
      write(run.clone, { "src/a.txt": "a\n" })
      commitAll(run.clone, "no such file")
      yield* refusedWith(run, origin, 'a GitHub token in "the name of a file"')
    }))

  test("in more text than is looked through", ({ origin }) =>
    Effect.gen(function* () {
      const run = yield* begin()
      write(run.clone, { "../message": `a\n\n${`${"x".repeat(99)}\n`.repeat(45_000)}` })
      git(run.clone, "commit", "-q", "--allow-empty", "-F", "../message")
      yield* refusedWith(run, origin, "the messages of its 1 commits are longer than 4 MiB")
    }))
})
