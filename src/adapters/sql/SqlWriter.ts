import { Context, type Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { StoreUnavailable } from "../../domain/Errors.ts"
import type { EventDraft } from "../../domain/Event.ts"

/** What a write came to, and the facts that follow from it. */
export type Written<A> = { readonly value: A; readonly events: ReadonlyArray<EventDraft> }

/** The one writer of the database. */
export class SqlWriter extends Context.Service<SqlWriter, {
  /**
   * Runs `body` in a savepoint of the writer's next transaction and appends its events there: all of it is durable
   * when this returns, or none. A failing body undoes itself only.
   */
  write<A, E>(body: Effect.Effect<Written<A>, E, SqlClient.SqlClient>): Effect.Effect<A, E | StoreUnavailable>
}>()("squadron/adapters/sql/SqlWriter") {}
