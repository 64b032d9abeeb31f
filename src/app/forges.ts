import { Effect, Layer } from "effect"
import { LocalForge } from "../adapters/forge/local/LocalForge.ts"
import { Forge } from "../services/Forge.ts"

type Forges = { readonly local: Forge["Service"]; readonly github: Forge["Service"] }

/** Two forges as one: each repository is in one of them. */
export const eitherForge = (
  { github, local }: Forges,
  isOnGitHub: (repository: string) => boolean
): Forge["Service"] => {
  const of = (repository: string): Forge["Service"] => (isOnGitHub(repository) ? github : local)
  return Forge.of({
    perform: (action) => of(action.subject.repository).perform(action),
    issue: (repository, number) => of(repository).issue(repository, number),
    issues: (query) =>
      query.repository === undefined
        ? Effect.map(Effect.all([local.issues(query), github.issues(query)]), ([one, other]) =>
            [...one, ...other].toSorted((a, b) => b.createdAt - a.createdAt).slice(0, query.limit)
          )
        : of(query.repository).issues(query),
    comments: (repository, number) => of(repository).comments(repository, number),
    pullRequest: (repository, number) => of(repository).pullRequest(repository, number),
    pullRequests: (query) => of(query.repository).pullRequests(query),
    reviews: (repository, number) => of(repository).reviews(repository, number),
    reviewComments: (repository, number) => of(repository).reviewComments(repository, number),
    checks: (repository, commit) => of(repository).checks(repository, commit),
    trust: (repository, login) => of(repository).trust(repository, login),
    defaultBranch: (repository) => of(repository).defaultBranch(repository),
    remote: (repository) => of(repository).remote(repository)
  })
}

/** The local forge, and GitHub for all other repositories where the daemon acts there. */
export const forgeLayer = <E, R>(options: {
  /** The repository of the local forge. */
  readonly local: string
  /** GitHub as a forge; null where it is only heard. */
  readonly github: Layer.Layer<Forge, E, R> | null
}): Layer.Layer<Forge, E, R | LocalForge> => {
  const { github } = options
  if (github === null) return LocalForge.layerForge
  return Layer.effect(
    Forge,
    Effect.gen(function* () {
      const local = yield* LocalForge
      return eitherForge({ local, github: yield* Forge }, (repository) => repository !== options.local)
    })
  ).pipe(Layer.provide(github))
}
