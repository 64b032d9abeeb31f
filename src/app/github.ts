import { Effect, Layer } from "effect"
import type { GitHubAuth, Settings } from "../adapters/config/Settings.ts"
import * as GitHubForge from "../adapters/forge/github/GitHubForge.ts"
import { layerMissed } from "../adapters/forge/github/missedDeliveries.ts"
import { layerReconcile } from "../adapters/forge/github/reconcile.ts"
import { StoreUnavailable } from "../domain/Errors.ts"
import { EventBus } from "../services/EventBus.ts"
import { withTrust } from "../services/eventTrust.ts"
import { Forge } from "../services/Forge.ts"
import { RecentActions } from "../services/RecentActions.ts"

/** A forge whose events are known for its own doing. */
const withRecent = Layer.effect(
  Forge,
  Effect.gen(function* () {
    const forge = yield* Forge
    const recent = yield* RecentActions
    return Forge.of({ ...forge, perform: (action) => recent.during(action, forge.perform(action)) })
  })
)

/** GitHub as a forge, with the client that asks it. */
export const gitHubForge = (
  settings: { readonly github: Pick<Settings["github"], "apiUrl" | "repositories" | "webUrl"> },
  auth: GitHubAuth,
  mirror: (repository: string) => string
) =>
  withRecent.pipe(
    Layer.provideMerge(
      GitHubForge.layer({
        apiUrl: settings.github.apiUrl,
        webUrl: settings.github.webUrl,
        auth,
        mirror,
        ...(settings.github.repositories.length === 0 ? {} : { repositories: settings.github.repositories })
      })
    )
  )

/**
 * Looks for what GitHub's webhook did not bring: deliveries that were missed (an app's own; a token may not list them),
 * and what became meanwhile of issues and pull requests that agents work on.
 */
export const watchGitHub = (
  settings: Pick<Settings, "repository"> & {
    readonly github: Pick<Settings["github"], "botLogins" | "installations" | "repositories">
  },
  auth: GitHubAuth
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const bus = yield* EventBus
      const forge = yield* Forge
      const recent = yield* RecentActions
      const publish = (draft: Parameters<typeof bus.publish>[0]) =>
        withTrust(forge, recent.attribute(draft)).pipe(
          // nothing is stored, so it is found again at the next look
          Effect.mapError((error) => new StoreUnavailable({ reason: error.message })),
          Effect.flatMap(bus.publish)
        )
      const { botLogins, installations, repositories } = settings.github
      const reconcile = layerReconcile({
        publish,
        botLogins,
        // the local forge has the squadron's own
        isOnGitHub: (repository) => repository !== settings.repository
      })
      return auth._tag === "app"
        ? Layer.merge(
            reconcile,
            layerMissed({ hook: { _tag: "app" }, botLogins, installations, repositories, publish })
          )
        : reconcile
    })
  )
