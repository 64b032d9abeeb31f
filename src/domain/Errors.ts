import { Schema } from "effect"

/** A step was decided on a version of an agent that is no longer current; decide anew. */
export class StaleVersion extends Schema.TaggedError<StaleVersion>()(
  "StaleVersion",
  {
    agent: Schema.String,
    expected: Schema.NullOr(Schema.Int),
    actual: Schema.NullOr(Schema.Int)
  },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `Agent ${this.agent} has changed meanwhile (version ${this.actual}, expected ${this.expected}). Read it again and repeat.`
  }
}

/** Another live agent of the same role is on this subject. */
export class AgentExists extends Schema.TaggedError<AgentExists>()(
  "AgentExists",
  {
    role: Schema.String,
    subject: Schema.String
  },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `A live ${this.role} agent is already on ${this.subject}.`
  }
}

export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()(
  "AgentNotFound",
  {
    agent: Schema.String
  },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no agent ${this.agent}. \`squadron agents\` lists all.`
  }
}

export class EventNotFound extends Schema.TaggedError<EventNotFound>()(
  "EventNotFound",
  {
    seq: Schema.Int
  },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no event ${this.seq}. \`squadron events\` lists the latest.`
  }
}

export class ActionNotFound extends Schema.TaggedError<ActionNotFound>()(
  "ActionNotFound",
  {
    action: Schema.Int
  },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no action ${this.action}. \`squadron actions list\` lists those that are queued or failed.`
  }
}

/** Only an action that failed for good can be tried again; `status` is where this one is. */
export class ActionNotFailed extends Schema.TaggedError<ActionNotFailed>()(
  "ActionNotFailed",
  {
    action: Schema.Int,
    status: Schema.Literals(["queued", "done"])
  },
  { httpApiStatus: 409 }
) {
  override get message() {
    return this.status === "done"
      ? `Action ${this.action} is done; it is not done again. Only failed actions are retried.`
      : `Action ${this.action} is queued; the outbox tries it by itself. Only failed actions are retried.`
  }
}

/** The agent's status does not allow it. */
export class NotPossible extends Schema.TaggedError<NotPossible>()(
  "NotPossible",
  {
    agent: Schema.String,
    status: Schema.String,
    wanted: Schema.String
  },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `Agent ${this.agent} is ${this.status}; ${this.wanted} is not possible from there.`
  }
}

/** The bus holds as many unwritten events as it may; nothing was stored. */
export class BusFull extends Schema.TaggedError<BusFull>()(
  "BusFull",
  {
    capacity: Schema.Int
  },
  { httpApiStatus: 503 }
) {
  override get message() {
    return `The event bus is full (${this.capacity} events wait to be written). Try again in a few seconds.`
  }
}

/** The disk is full, or the database is locked or cannot be read; nothing of the step was stored. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()(
  "StoreUnavailable",
  {
    reason: Schema.String
  },
  { httpApiStatus: 503 }
) {
  override get message() {
    return `The store cannot be used: ${this.reason}`
  }
}

/** An issue that is not there. */
export class IssueNotFound extends Schema.TaggedError<IssueNotFound>()(
  "IssueNotFound",
  {
    issue: Schema.String
  },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no issue ${this.issue}. \`squadron issue list\` lists all.`
  }
}

/** A pull request that is not there. */
export class PullRequestNotFound extends Schema.TaggedError<PullRequestNotFound>()(
  "PullRequestNotFound",
  {
    pullRequest: Schema.String
  },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no pull request ${this.pullRequest}. \`squadron pull list\` lists all.`
  }
}

/** A workspace that cannot be made, kept or removed as asked. Nothing in it was lost. */
export class WorkspaceFailed extends Schema.TaggedError<WorkspaceFailed>()(
  "WorkspaceFailed",
  {
    /** What was being done, such as "clone". */
    step: Schema.String,
    reason: Schema.String,
    /** What to do. */
    remedy: Schema.String,
    /** Whether trying again later may help. */
    retryable: Schema.Boolean
  },
  { httpApiStatus: 503 }
) {
  override get message() {
    return `${this.step}: ${this.reason}. ${this.remedy}`
  }
}

/** The sandbox that the configuration requires cannot be had here. */
export class SandboxUnavailable extends Schema.TaggedError<SandboxUnavailable>()("SandboxUnavailable", {
  reason: Schema.String,
  remedy: Schema.String
}) {
  override get message() {
    return `No sandbox: ${this.reason}. ${this.remedy}`
  }
}

/** The forge did not do it. `retryable` failures are tried again. */
export class ForgeError extends Schema.TaggedError<ForgeError>()(
  "ForgeError",
  {
    reason: Schema.String,
    retryable: Schema.Boolean,
    /** Milliseconds, where the forge said when to come again. */
    retryAfter: Schema.NullOr(Schema.Int)
  },
  { httpApiStatus: 502 }
) {
  override get message() {
    return `The forge refused: ${this.reason}`
  }
}

/** A configuration file that cannot be used, down to its line. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  file: Schema.String,
  line: Schema.NullOr(Schema.Int),
  field: Schema.String,
  problem: Schema.String,
  /** What to do. */
  remedy: Schema.String
}) {
  override get message() {
    const place = this.line === null ? this.file : `${this.file}:${this.line}`
    return `${place}: ${this.field === "" ? "" : `\`${this.field}\`: `}${this.problem}. ${this.remedy}`
  }
}
