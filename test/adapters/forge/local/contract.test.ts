import { Effect, Layer } from "effect"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { suite } from "../../../contract/ForgeContract.ts"
import { bare, commit, type Folders, git, stage, work } from "./OnGit.ts"
import { onHttp, pushAs, type Served } from "./OnHttp.ts"

suite<never, LocalForge | Folders | Served>(
  "LocalForge with git as a Forge",
  Layer.orDie(LocalForge.layerForge.pipe(Layer.provideMerge(onHttp()))),
  {
    start: stage,
    push: Effect.fnUntraced(function* (branch, files, from = "main") {
      const id = yield* commit(branch, files, `origin/${from}`)
      const pushed = yield* pushAs("mona", `${id}:refs/heads/${branch}`)
      if (pushed.code !== 0) return yield* Effect.die(new Error(pushed.stderr))
      return id
    }),
    work: (files, from) => work(files, from),
    files: Effect.fnUntraced(function* (branch) {
      const folder = yield* bare
      if (git(folder, "for-each-ref", `refs/heads/${branch}`) === "") return null
      const paths = git(folder, "ls-tree", "-r", "--name-only", branch).split("\n")
      return Object.fromEntries(paths.map((path) => [path, `${git(folder, "show", `${branch}:${path}`)}\n`]))
    })
  }
)
