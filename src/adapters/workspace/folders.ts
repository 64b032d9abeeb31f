import { join } from "node:path"

/** Where everything of one state folder is. Names that a dot begins are Squadron's own. */
export type Folders = {
  readonly mirrors: string
  readonly workspaces: string
  /** A git dir of Squadron's own, for looking at files from outside; see `snapshot`. */
  readonly outside: string
  /** The bare mirror of `owner/name`. */
  mirror(repository: string): string
  workspace(agent: string): WorkspaceFolders
  /** Where a workspace is made before it has its name. */
  making(agent: string): WorkspaceFolders
  /** Where one goes that is being removed. */
  leaving(agent: string): string
  /** A git dir of Squadron's own, from which an agent's commits are fetched; see `harvest`. */
  view(agent: string): string
}

export type WorkspaceFolders = {
  readonly all: string
  readonly clone: string
  readonly home: string
  readonly about: string
  /** What is known of the clone's files; nothing but a way to find the changed ones quickly. */
  readonly index: string
}

/** An agent's id is part of paths, of refs and of git's configuration. */
const agentPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,120}$/
const repositoryPattern = /^(?!\.+\/)[\w.-]+\/(?!\.+$)[\w.-]+$/

/** Whether something can be an agent's id here. */
export const isAgent = (name: string): boolean => agentPattern.test(name)

const inside = (all: string): WorkspaceFolders => ({
  all,
  clone: join(all, "clone"),
  home: join(all, "home"),
  about: join(all, "about.json"),
  index: join(all, "index")
})

/** Throws where a name is none: it came from a schema, so this is a defect. */
const checked = (name: string, pattern: RegExp, what: string): string => {
  if (!pattern.test(name)) throw new Error(`${JSON.stringify(name)} is no ${what}`)
  return name
}

/** `stateDir` is absolute. */
export const makeFolders = (stateDir: string): Folders => {
  const mirrors = join(stateDir, "mirrors")
  const workspaces = join(stateDir, "workspaces")
  const named = (prefix: string, agent: string) =>
    join(workspaces, `${prefix}${checked(agent, agentPattern, "agent's id")}`)
  return {
    mirrors,
    workspaces,
    outside: join(workspaces, ".outside.git"),
    mirror: (repository) => join(mirrors, `${checked(repository, repositoryPattern, "repository")}.git`),
    workspace: (agent) => inside(named("", agent)),
    making: (agent) => inside(named(".making-", agent)),
    leaving: (agent) => named(".leaving-", agent),
    view: (agent) => named(".view-", agent)
  }
}
