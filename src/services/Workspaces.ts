import { Context, type Effect, type Scope } from "effect"
import type { WorkspaceFailed } from "../domain/Errors.ts"

/** What an agent's workspace is made from. */
export type WorkspaceRequest = {
  readonly agent: string
  /** `owner/name`. */
  readonly repository: string
  /** The branch of the forge that the work starts from and is compared with, without `refs/heads/`. */
  readonly base: string
  /** The branch or commit that is checked out when the workspace is made; `base` unless told. */
  readonly from?: string | undefined
  /** The branch that the agent works on, made where it is not there. */
  readonly branch: string
}

/** A workspace that is open: nobody removes it before its scope closes. */
export type Workspace = {
  readonly agent: string
  readonly repository: string
  readonly base: string
  readonly branch: string
  /** Absolute; a git clone of the agent's own. */
  readonly path: string
  /** Absolute; a folder of the agent's own for what must not be in the clone, such as HOME. */
  readonly home: string
  /** Absolute; the bare mirror whose objects the clone borrows. For reading only. */
  readonly mirror: string
  /** What `base` was at when the workspace was opened. */
  readonly baseCommit: string
  /** Whether this opening made it. */
  readonly fresh: boolean
}

/** What an agent's work comes to, as Squadron's mirror has it; nothing of it is the agent's word. */
export type Work = {
  /** The clone's HEAD. */
  readonly head: string
  /** The commit where the work left `base`. */
  readonly mergeBase: string
  /** What `base` is at now. */
  readonly baseCommit: string
  /** Commits of `head` that `base` does not have, newest first. */
  readonly commits: ReadonlyArray<{ readonly id: string; readonly subject: string }>
  /** Paths that differ between `mergeBase` and `head`, both names of a rename. */
  readonly files: ReadonlyArray<string>
  /** Whether the files differ from HEAD, untracked ones that are not ignored included. */
  readonly dirty: boolean
  /** A hash over HEAD and all that is not committed: equal for two moments between which nothing changed. */
  readonly fingerprint: string
}

/** A commit as git stores it, in two parts; nothing of it is shortened. */
export type CommitText = {
  readonly id: string
  /** Author, committer and all other lines before the message. */
  readonly head: string
  readonly message: string
}

/** Work that was put where only Squadron can remove it. */
export type Saved = { readonly ref: string; readonly commit: string }

/**
 * Agents' workspaces: a bare mirror for each repository, and for each agent a clone of its own that borrows from it.
 * Git never runs inside an agent's clone; its commits are fetched, its files are read from outside.
 */
export class Workspaces extends Context.Service<
  Workspaces,
  {
    /**
     * The agent's workspace, made where it has none: the mirror is fetched, the clone checked out and its commit
     * compared with the one that was asked for. One that is there is given as it is. Runs the hooks `afterCreate` and
     * `beforeRun`; closing the scope saves the work and runs `afterRun`.
     */
    open(request: WorkspaceRequest): Effect.Effect<Workspace, WorkspaceFailed, Scope.Scope>
    /** Looks at the work; its commits come to the mirror with it. */
    inspect(workspace: Workspace): Effect.Effect<Work, WorkspaceFailed>
    /** Saves all commits, and the files as they are, to `refs/squadron/saved/<agent>/<n>`; null where that is there already. */
    save(agent: string): Effect.Effect<Saved | null, WorkspaceFailed>
    /** The text of the change from `mergeBase` to `head`, cut at `limit` bytes. */
    diff(repository: string, from: string, to: string, limit: number): Effect.Effect<string, WorkspaceFailed>
    /** What these commits say of themselves, in this order; null where that is more than `limit` bytes. */
    commitTexts(
      repository: string,
      commits: ReadonlyArray<string>,
      limit: number
    ): Effect.Effect<ReadonlyArray<CommitText> | null, WorkspaceFailed>
    /** Paths that differ from the merge base of the two commits to `to`; both must be in the mirror or on the forge. */
    changed(repository: string, base: string, to: string): Effect.Effect<ReadonlyArray<string>, WorkspaceFailed>
    /** Saves the work, runs `beforeRemove` and removes the workspace; true where there was one and it could be removed. */
    remove(agent: string): Effect.Effect<boolean, WorkspaceFailed>
    /** The agents that have a workspace. */
    readonly kept: Effect.Effect<ReadonlyArray<string>>
    /**
     * Saves and removes workspaces whose agents are not among `live`, and those of live ones that were not used for longer
     * than the retention before `now`; such an agent gets it again as it was saved. Never one that is open, has processes
     * in it, or cannot be saved. Answers whose are gone.
     */
    sweep(question: {
      readonly live: ReadonlyArray<string>
      readonly now: number
    }): Effect.Effect<ReadonlyArray<string>>
    /**
     * Keeps the mirrors small, each at most once a day. What is saved of an agent goes where that is longer ago than a
     * person lets it be kept, `ended` gives the agent back (done or cancelled since before a moment, in milliseconds
     * since 1970), and it has no workspace. What lies about in a mirror is packed; what a workspace may borrow stays.
     * Answers whose saved work was removed.
     */
    tend(question: {
      readonly now: number
      readonly ended: (agents: ReadonlyArray<string>, before: number) => Effect.Effect<ReadonlyArray<string>>
    }): Effect.Effect<ReadonlyArray<string>>
    /** The mirror's folder; fetched before it is given. */
    mirror(repository: string): Effect.Effect<string, WorkspaceFailed>
  }
>()("squadron/services/Workspaces") {}
