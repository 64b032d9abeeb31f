import { Effect, Semaphore } from "effect"
import type { ForgeError, StoreUnavailable } from "../../../domain/Errors.ts"
import { existing } from "./folders.ts"
import { gitFault } from "./git.ts"
import type { Body } from "./IssueWrites.ts"
import { listRefs, type Refs } from "./refs.ts"
import * as RefTable from "./RefTable.ts"
import { type Parts, settle } from "./settling.ts"

/** A repository whose refs nobody else of this forge changes meanwhile. */
export type Turn = {
  readonly repository: string
  readonly folder: string
  /** Its refs as they are now. */
  readonly refs: Effect.Effect<Refs, ForgeError>
  /**
   * Runs what changes refs, with the intent on disk before it and what follows from it afterwards, however it ends:
   * also when it is interrupted, and by the next turn when the process is killed. `guard` is in the intent's
   * transaction.
   */
  changing<A, E, R>(
    intent: RefTable.Intent,
    effect: Effect.Effect<A, E, R>,
    guard?: Body<void, ForgeError>
  ): Effect.Effect<A, E | ForgeError, R>
  /** Tells what has changed. */
  readonly settled: Effect.Effect<void, ForgeError>
}

export type Turns = {
  /** Waits for the repository's turn, settles what was left, and runs the body. */
  in<A, E, R>(repository: string, body: (turn: Turn) => Effect.Effect<A, E, R>): Effect.Effect<A, E | ForgeError, R>
  /** The same for a folder that may have to be made first. */
  at<A, E, R>(
    repository: string,
    folder: Effect.Effect<string, E, R>,
    body: (turn: Turn) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | ForgeError, R>
}

/** Gives one turn at a time for each repository. */
export const makeTurns = (parts: Parts, root: string | null): Turns => {
  const locks = new Map<string, Semaphore.Semaphore>()
  const lockOf = (repository: string): Semaphore.Semaphore => {
    const lock = locks.get(repository) ?? Semaphore.makeUnsafe(1)
    locks.set(repository, lock)
    return lock
  }

  const turnOf = (repository: string, folder: string): Turn => {
    const settled = settle(parts, repository, folder)
    return {
      repository,
      folder,
      refs: Effect.mapError(listRefs(parts.git, folder), gitFault),
      settled,
      changing: <A, E, R>(
        intent: RefTable.Intent,
        effect: Effect.Effect<A, E, R>,
        guard: Body<void, ForgeError> = Effect.succeed({ value: undefined, events: [] })
      ) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const write = Effect.tap(guard, () => RefTable.putIntent(repository, intent))
            yield* parts.writer
              .write(write)
              .pipe(
                Effect.mapError((error: ForgeError | StoreUnavailable) =>
                  error._tag === "StoreUnavailable" ? parts.refusal(error) : error
                )
              )
            const exit = yield* Effect.exit(restore(effect))
            yield* settled
            return yield* exit
          })
        )
    }
  }

  const at: Turns["at"] = (repository, folder, body) =>
    lockOf(repository).withPermit(
      Effect.flatMap(folder, (folder) => {
        const turn = turnOf(repository, folder)
        return Effect.andThen(turn.settled, body(turn))
      })
    )
  return {
    at,
    in: <A, E, R>(repository: string, body: (turn: Turn) => Effect.Effect<A, E, R>) =>
      at<A, E | ForgeError, R>(repository, existing(root, repository), body)
  }
}
