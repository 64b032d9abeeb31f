import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Squadron } from "../../services/Squadron.ts"
import { Store } from "../../services/Store.ts"
import { withToken } from "./guards.ts"

/** Lines of one gauge in Prometheus' text format. */
const gauge = (name: string, help: string, values: ReadonlyArray<readonly [labels: string, value: number]>): string =>
  [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...values.map(([labels, value]) => `${name}${labels} ${value}`)]
    .join("\n")
    .concat("\n")

const plain = (name: string, help: string, value: number) => gauge(name, help, [["", value]])

const metrics = Effect.fn("api.metrics")(function* () {
  const status = yield* (yield* Squadron).status
  const counts = yield* (yield* Store).counts
  const own = [
    plain("squadron_accepting", "1 while new work is taken, 0 while draining.", status.accepting ? 1 : 0),
    plain("squadron_events", "Events stored.", counts.events),
    plain("squadron_events_routed", "Events routed.", counts.routed),
    gauge(
      "squadron_agents",
      "Agents by status.",
      Object.entries(counts.agents).map(([name, value]) => [`{status="${name}"}`, value] as const)
    ),
    plain("squadron_messages_unread", "Messages that no committed turn has seen.", counts.unread),
    plain("squadron_messages_set_aside", "Messages given up after their retries.", counts.setAside),
    plain("squadron_actions_queued", "Actions that wait in the outbox.", counts.actionsQueued),
    plain("squadron_actions_failed", "Actions given up.", counts.actionsFailed),
    plain("squadron_permits_held", "Runs alive.", status.permits.held),
    plain("squadron_permits_limit", "Runs that may be alive at once.", status.permits.limit),
    gauge(
      "squadron_role_running",
      "Runs alive by role.",
      status.roles.map((role) => [`{role="${role.name}"}`, role.running] as const)
    )
  ]
  const measured = yield* PrometheusMetrics.format()
  return HttpServerResponse.text(`${own.join("")}${measured}`, {
    contentType: "text/plain; version=0.0.4; charset=utf-8"
  })
})

const ready = Effect.fn("api.ready")(function* () {
  const { accepting } = yield* (yield* Squadron).status
  return HttpServerResponse.jsonUnsafe({ accepting }, { status: accepting ? 200 : 503 })
})

/** `/healthz`: alive. `/readyz`: takes new work, else 503. `/metrics`: for Prometheus, behind the token. */
export const health = Layer.mergeAll(
  HttpRouter.add("GET", "/healthz", HttpServerResponse.jsonUnsafe({ alive: true })),
  HttpRouter.add("GET", "/readyz", ready()),
  HttpRouter.add("GET", "/metrics", withToken(metrics()))
)
