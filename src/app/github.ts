import { Effect, Layer } from "effect"
import type { GitHubAuth, Settings } from "../adapters/config/Settings.ts"
import * as GitHubForge from "../adapters/forge/github/GitHubForge.ts"
import { layerMissed } from "../adapters/forge/github/missedDeliveries.ts"
import { layerReconcile } from "../adapters/forge/github/reconcile.ts"
import { StoreUnavailable } from "../domain/Errors.ts"
import { EventBus } from "../services/EventBus.ts"
import { withTrust } from "../services/eventTrust.ts"
import { Forge } from "../services/Forge.ts"

/** GitHub as a forge, with the client that asks it. */
export const gitHubForge = (settings: Settings, auth: GitHubAuth, mirror: (repository: string) => string) =>
  GitHubForge.layer({
    apiUrl: settings.github.apiUrl,
    webUrl: settings.github.webUrl,
    auth,
    mirror,
    ...(settings.github.repositories.length === 0 ? {} : { repositories: settings.github.repositories })
  })

/**
 * Looks for what GitHub's webhook did not bring: deliveries that were missed (an app's own; a token may not list them),
 * and issues and pull requests that were closed meanwhile.
 */
export const watchGitHub = (settings: Settings, auth: GitHubAuth) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const bus = yield* EventBus
      const forge = yield* Forge
      const publish = (draft: Parameters<typeof bus.publish>[0]) =>
        withTrust(forge, draft).pipe(
          // nothing is stored, so it is found again at the next look
          Effect.mapError((error) => new StoreUnavailable({ reason: error.message })),
          Effect.flatMap(bus.publish)
        )
      const { botLogins, installations, repositories } = settings.github
      const reconcile = layerReconcile({ publish })
      return auth._tag === "app"
        ? Layer.merge(
            reconcile,
            layerMissed({ hook: { _tag: "app" }, botLogins, installations, repositories, publish })
          )
        : reconcile
    })
  )
