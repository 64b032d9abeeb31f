import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schedule } from "effect"
import { randomBytes } from "node:crypto"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import {
  act,
  appended,
  bare,
  commit,
  events,
  Folders,
  git,
  repository,
  stage,
  work
} from "../adapters/forge/local/OnGit.ts"
import { gitAs, onHttp, pushAs, type Ran, Served, urlFor } from "../adapters/forge/local/OnHttp.ts"

const fine = (ran: Ran): void => assert.strictEqual(ran.code, 0, ran.stderr)

/** Clones as this person, or as nobody, and gives the folder. */
const cloned = Effect.fnUntraced(function* (name: string, login: string | null, ...options: ReadonlyArray<string>) {
  const { root } = yield* Folders
  fine(yield* gitAs(root, ["clone", "--quiet", ...options, yield* urlFor(login), name]))
  return join(root, name)
})

type Answer = { readonly status: number; readonly headers: IncomingMessage["headers"]; readonly text: string }

/** A request without git. */
const ask = (
  method: string,
  path: string,
  options: { readonly headers?: Record<string, string>; readonly body?: Buffer } = {}
) =>
  Effect.flatMap(Served, ({ port }) =>
    Effect.callback<Answer>((resume) => {
      const { body, headers = {} } = options
      const sent = httpRequest({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
        let text = ""
        answer.setEncoding("latin1").on("data", (part: string) => (text += part))
        answer.on("end", () =>
          resume(Effect.succeed({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
        )
      })
      if (headers["expect"] === undefined) sent.end(body)
      else sent.on("continue", () => sent.end(body))
    })
  )

const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`
const lsRefs = Buffer.from(`${packet("command=ls-refs\n")}0000`)
const uploadPack = `/${repository}.git/git-upload-pack`
const receivePack = `/${repository}.git/git-receive-pack`
const uploadHeaders = { "content-type": "application/x-git-upload-pack-request", "git-protocol": "version=2" }
const basic = (login: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${login}:${password}`).toString("base64")}`
})

/** Processes that have this in their environment. */
const marked = (mark: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)
    } catch {
      return false
    }
  })

const until = (condition: () => boolean) =>
  Effect.repeat(Effect.sync(condition), { until: (holds) => holds, schedule: Schedule.spaced("20 millis") })

describe("git over HTTP", { timeout: 120_000 }, () => {
  it.live("is cloned from, fetched from and pushed to, by any protocol of git's", () =>
    Effect.gen(function* () {
      const { url } = yield* Served
      const { root } = yield* Folders
      yield* stage({ a: "a\n", "b/c": "c\n" })
      for (const version of ["0", "1", "2"]) {
        const folder = yield* cloned(`v${version}`, null, "-c", `protocol.version=${version}`)
        assert.strictEqual(git(folder, "show", "HEAD:b/c"), "c")
        assert.strictEqual(git(folder, "symbolic-ref", "HEAD"), "refs/heads/main")
      }
      fine(yield* gitAs(root, ["clone", "--quiet", `${url}/${repository}`, "without"]))
      const bigger = yield* commit("main", { d: "d\n" })
      fine(yield* pushAs("mona", `${bigger}:refs/heads/main`))
      const folder = join(root, "v0")
      fine(yield* gitAs(folder, ["pull", "--quiet"]))
      assert.strictEqual(git(folder, "rev-parse", "HEAD"), bigger)
      const shallow = yield* cloned("shallow", null, "--depth=1")
      assert.strictEqual(git(shallow, "rev-list", "--count", "HEAD"), "1")
      const partial = yield* cloned("partial", null, "--filter=blob:none", "--no-checkout")
      assert.include(git(partial, "rev-list", "--objects", "--missing=print", "HEAD"), "\n?")
      // Without a ref that names it any more, a commit is given all the same: Squadron's mirror asks for some so.
      fine(yield* gitAs(folder, ["fetch", "--quiet", "origin", bigger]))
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("says of a repository that is not there which are", () =>
    Effect.gen(function* () {
      const { url } = yield* Served
      const { root } = yield* Folders
      yield* stage({ a: "a\n" })
      const ran = yield* gitAs(root, ["clone", `${url}/acme/nope.git`])
      assert.notStrictEqual(ran.code, 0)
      assert.include(ran.stderr, "There is no git repository acme/nope here; there is acme/app.")
      for (const path of ["/acme/..", "/../etc", "/acme/%2e%2e", "/acme/..%2f..", "/acme%2fapp/x", "/.incoming/x"]) {
        const answer = yield* ask("GET", `${path}/info/refs?service=git-upload-pack`)
        assert.strictEqual(answer.status, 404, path)
      }
      for (const path of ["HEAD", "config", "objects/info/packs"]) {
        assert.strictEqual((yield* ask("GET", `/${repository}.git/${path}`)).status, 404, path)
      }
      const dumb = yield* ask("GET", `/${repository}.git/info/refs`)
      assert.strictEqual(dumb.status, 403)
      assert.include(dumb.text, "smart protocol")
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("wants to know who pushes, and takes any password where the API needs no token", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const id = yield* commit("topic", { b: "b\n" })
      const nobody = yield* ask("GET", `/${repository}.git/info/refs?service=git-receive-pack`)
      assert.strictEqual(nobody.status, 401)
      assert.match(nobody.headers["www-authenticate"] ?? "", /^Basic realm="Squadron"/)
      assert.include(nobody.text, "Who pushes?")
      assert.strictEqual((yield* ask("POST", receivePack, { body: Buffer.from("0000") })).status, 401)
      const anonymous = yield* pushAs(null, `${id}:refs/heads/topic`)
      assert.notStrictEqual(anonymous.code, 0)
      assert.deepStrictEqual(yield* events, [])
      const [event] = yield* appended(Effect.map(pushAs("mona", `${id}:refs/heads/topic`), fine))
      assert.deepStrictEqual(event?.actor, { login: "mona", kind: "person", trust: "admin" })
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("takes the API's token as the password, and lets all of this machine read", () =>
    Effect.gen(function* () {
      const { clone, root } = yield* Folders
      yield* stage({ a: "a\n" })
      const id = yield* commit("topic", { b: "b\n" })
      const wrong = yield* gitAs(clone, ["push", yield* urlFor("mona", "wrong"), `${id}:refs/heads/topic`])
      assert.notStrictEqual(wrong.code, 0)
      assert.include(wrong.stderr, "Authentication failed")
      fine(yield* gitAs(clone, ["push", yield* urlFor("mona", "t0ken"), `${id}:refs/heads/topic`]))
      yield* cloned("anybody", null)
      assert.isTrue(existsSync(join(root, "anybody/a")))
    }).pipe(Effect.provide(onHttp({ token: "t0ken" })))
  )

  it.live("lets nobody read without the token where other machines reach it", () =>
    Effect.gen(function* () {
      const { root } = yield* Folders
      yield* stage({ a: "a\n" })
      const path = `/${repository}.git/info/refs?service=git-upload-pack`
      assert.strictEqual((yield* ask("GET", path)).status, 401)
      assert.strictEqual((yield* ask("GET", path, { headers: basic("mona", "wrong") })).status, 401)
      assert.strictEqual((yield* ask("GET", path, { headers: { authorization: "Bearer t0ken" } })).status, 200)
      fine(yield* gitAs(root, ["clone", "--quiet", yield* urlFor("mona", "t0ken"), "mine"]))
    }).pipe(Effect.provide(onHttp({ token: "t0ken", host: "0.0.0.0" })))
  )

  it.live(
    "refuses pushes of people without write access, of the default branch's end, and of what is the forge's",
    () =>
      Effect.gen(function* () {
        yield* stage({ a: "a\n" })
        const id = yield* commit("topic", { b: "b\n" })
        const reader = yield* pushAs("Reader", `${id}:refs/heads/topic`)
        assert.notStrictEqual(reader.code, 0)
        assert.include(reader.stderr, "403")
        const told = yield* ask("GET", `/${repository}.git/info/refs?service=git-receive-pack`, {
          headers: basic("reader", "x")
        })
        assert.include(told.text, "reader may not push to acme/app: that wants write access, not read.")
        const end = yield* pushAs("mona", ":refs/heads/main")
        assert.include(end.stderr, "deletion of the current branch prohibited")
        const hidden = yield* pushAs("mona", `${id}:refs/pull/1/head`)
        assert.include(hidden.stderr, "hidden ref")
        assert.deepStrictEqual(yield* events, [])
        assert.strictEqual(git(yield* bare, "for-each-ref", "--format=%(refname)"), "refs/heads/main")
        // An agent's branch is anybody's who may write.
        fine(yield* pushAs("mona", `${id}:refs/heads/squadron/coder-1-e1`))
      }).pipe(Effect.provide(onHttp({ people: { reader: "read" } })))
  )

  it.live("takes many pushes at once, and tells of each by who pushed it", () =>
    Effect.gen(function* () {
      const { clone } = yield* Folders
      yield* stage({ a: "a\n" })
      const people = Array.from({ length: 8 }, (_, i) => `dev${i}`)
      const commits = yield* Effect.forEach(people, (name) => commit(name, { [name]: "x\n" }))
      const forge = yield* LocalForge
      const ours = yield* work({ ours: "x\n" })
      const [ran] = yield* Effect.all(
        [
          Effect.forEach(
            people,
            (name, i) =>
              // Git refuses one whose branch has moved since it looked, also a forced one; people push again then.
              Effect.repeat(
                pushAs(name, `${commits[i]}:refs/heads/${name}`, `+${commits[i]}:refs/heads/shared-${i % 2}`),
                { until: ({ code }) => code === 0, times: 50 }
              ),
            { concurrency: "unbounded" }
          ),
          forge.perform(act("ours", 0, { _tag: "push", branch: "squadron/ours", commit: ours, expected: null }))
        ],
        { concurrency: "unbounded" }
      )
      for (const one of ran) fine(one)
      const pushes = (yield* events).flatMap(({ actor, detail }) =>
        detail._tag === "push" ? [{ login: actor.login, ...detail }] : []
      )
      for (const [i, name] of people.entries()) {
        const own = pushes.filter(({ ref }) => ref === `refs/heads/${name}`)
        assert.deepStrictEqual(
          own.map(({ after, login }) => [login, after]),
          [[name, commits[i]]]
        )
      }
      // Each push of a branch that they share begins where the one before ended.
      for (const ref of ["refs/heads/shared-0", "refs/heads/shared-1"]) {
        const chain = pushes.filter((push) => push.ref === ref)
        assert.strictEqual(chain.length, 4)
        for (const [i, push] of chain.entries()) {
          assert.strictEqual(push.before, chain[i - 1]?.after ?? "0".repeat(40))
          assert.strictEqual(push.after, commits[people.indexOf(push.login)])
        }
      }
      assert.strictEqual(git(clone, "ls-remote", yield* bare, "refs/heads/squadron/ours").slice(0, 40), ours)
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("lets one of two pushes to the same place win", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const commits = yield* Effect.forEach(["one", "two", "three"], (name) => commit(name, { [name]: "x\n" }))
      const ran = yield* Effect.forEach(commits, (id, i) => pushAs(`dev${i}`, `${id}:refs/heads/main`), {
        concurrency: "unbounded"
      })
      const won = ran.flatMap(({ code }, i) => (code === 0 ? [commits[i]] : []))
      assert.deepStrictEqual(won, [git(yield* bare, "rev-parse", "main")])
      assert.strictEqual((yield* events).length, 1)
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("takes packs of many megabytes, and gives them back", () =>
    Effect.gen(function* () {
      const { clone } = yield* Folders
      yield* stage({ a: "a\n" })
      git(clone, "checkout", "--quiet", "-B", "big")
      const content = randomBytes(24 * 1024 * 1024)
      writeFileSync(join(clone, "big.bin"), content)
      git(clone, "add", "--all")
      git(clone, "commit", "--quiet", "-m", "big")
      fine(yield* pushAs("mona", "big"))
      const folder = yield* cloned("back", null, "--branch=big")
      assert.isTrue(readFileSync(join(folder, "big.bin")).equals(content))
      const { repositories } = yield* Folders
      yield* until(() => readdirSync(join(repositories, ".incoming")).length === 0)
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("reads bodies that are compressed, that come in chunks, or that wait for a word", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const main = git(yield* bare, "rev-parse", "main")
      const plain = yield* ask("POST", uploadPack, { headers: uploadHeaders, body: lsRefs })
      assert.include(plain.text, `${main} refs/heads/main`)
      const compressed = { ...uploadHeaders, "content-encoding": "gzip" }
      assert.deepStrictEqual(
        (yield* ask("POST", uploadPack, { headers: compressed, body: gzipSync(lsRefs) })).text,
        plain.text
      )
      const chunked = { ...uploadHeaders, "transfer-encoding": "chunked" }
      assert.deepStrictEqual((yield* ask("POST", uploadPack, { headers: chunked, body: lsRefs })).text, plain.text)
      const waiting = { ...uploadHeaders, expect: "100-continue" }
      assert.deepStrictEqual((yield* ask("POST", uploadPack, { headers: waiting, body: lsRefs })).text, plain.text)
      const other = yield* ask("POST", uploadPack, {
        headers: { ...uploadHeaders, "content-encoding": "br" },
        body: lsRefs
      })
      assert.strictEqual(other.status, 415)
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("ends git and all that it started when the client is gone", () => {
    const mark = `SQUADRON_TEST_MARK=${randomBytes(8).toString("hex")}`
    const [name = "", value = ""] = mark.split("=")
    return Effect.gen(function* () {
      const { clone } = yield* Folders
      const { port } = yield* Served
      yield* stage({ a: "a\n" })
      git(clone, "checkout", "--quiet", "-B", "big")
      writeFileSync(join(clone, "big.bin"), randomBytes(24 * 1024 * 1024))
      git(clone, "add", "--all")
      git(clone, "commit", "--quiet", "-m", "big")
      const tip = git(clone, "rev-parse", "HEAD")
      fine(yield* pushAs("mona", "big"))
      const fetch = `${packet("command=fetch\n")}0001${packet(`want ${tip}\n`)}${packet("done\n")}0000`
      // Asks for it and then reads no further.
      const begun = yield* Deferred.make<ClientRequest>()
      const sent = httpRequest(
        { host: "127.0.0.1", port, method: "POST", path: uploadPack, headers: uploadHeaders },
        (answer) => {
          answer.pause()
          Deferred.doneUnsafe(begun, Effect.succeed(sent))
        }
      )
      sent.on("error", () => {})
      sent.end(fetch)
      yield* Deferred.await(begun)
      assert.isAtLeast(marked(mark).length, 1)
      sent.destroy()
      yield* until(() => marked(mark).length === 0)
      // One that waits for more of the question would wait for ever.
      const half = httpRequest({ host: "127.0.0.1", port, method: "POST", path: uploadPack, headers: uploadHeaders })
      half.on("error", () => {})
      half.write(packet("command=fetch\n"))
      yield* until(() => marked(mark).length > 0)
      half.destroy()
      yield* until(() => marked(mark).length === 0)
    }).pipe(Effect.provide(onHttp({ environment: { [name]: value } })))
  })

  it.live("lets nobody wait for a push that comes slowly, and forgets one that breaks off", () =>
    Effect.gen(function* () {
      const { port } = yield* Served
      const { repositories } = yield* Folders
      yield* stage({ a: "a\n" })
      const kept = () =>
        existsSync(join(repositories, ".incoming")) ? readdirSync(join(repositories, ".incoming")) : []
      const slow = httpRequest({
        host: "127.0.0.1",
        port,
        method: "POST",
        path: receivePack,
        headers: { ...basic("slow", "x"), "content-type": "application/x-git-receive-pack-request" }
      })
      slow.on("error", () => {})
      slow.write(packet(`${"0".repeat(40)} ${"1".repeat(40)} refs/heads/x\0 report-status\n`))
      yield* until(() => kept().length === 1)
      const id = yield* commit("topic", { b: "b\n" })
      fine(yield* pushAs("mona", `${id}:refs/heads/topic`))
      yield* until(() => kept().length === 1)
      slow.destroy()
      yield* until(() => kept().length === 0)
      assert.strictEqual((yield* events).length, 1)
    }).pipe(Effect.provide(onHttp()))
  )
})
