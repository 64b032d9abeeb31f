import { Effect, Schema } from "effect"
import { realSleep } from "../../src/adapters/harness/ProcessTree.ts"

/** A fact that was waited for did not come. */
class NotSeen extends Schema.TaggedError<NotSeen>()("NotSeen", { fact: Schema.String, instead: Schema.String }) {
  override get message() {
    return `Waited a minute in vain for ${this.fact}. ${this.instead}`
  }
}

/** Waits for a fact, a minute at most; `instead` tells what is there where it does not come. */
export const eventually = Effect.fnUntraced(function* (
  fact: string,
  holds: () => boolean,
  instead: () => string = () => ""
) {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 60_000) return yield* new NotSeen({ fact, instead: instead() })
    yield* realSleep(20)
  }
})
