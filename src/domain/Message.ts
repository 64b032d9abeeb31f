import { Schema } from "effect"
import { Event } from "./Event.ts"

/**
 * Why a message was sent: a rule matched an `event`, a person gave a `command` or an `answer`, or Squadron asks the
 * agent to `continue`.
 */
export const MessageKind = Schema.Literals(["event", "command", "answer", "continue"])
export type MessageKind = typeof MessageKind.Type

/** A message on its way into an inbox. `event` is the sequence number of what it is about. */
export const MessageDraft = Schema.Struct({
  agent: Schema.String,
  kind: MessageKind,
  event: Schema.Int,
  /** What a person wrote, or what the agent should know; empty for a plain event. */
  text: Schema.String
})
export type MessageDraft = typeof MessageDraft.Type

/** `unread` until the turn that saw it is committed; `set_aside` when its retries are used up. */
export const MessageStatus = Schema.Literals(["unread", "read", "set_aside"])
export type MessageStatus = typeof MessageStatus.Type

/** One durable message of one agent's inbox, in the order of `id`. */
export const Message = Schema.Struct({
  id: Schema.Int,
  agent: Schema.String,
  kind: MessageKind,
  text: Schema.String,
  status: MessageStatus,
  /** Why it was set aside, or empty. */
  reason: Schema.String,
  event: Event
})
export type Message = typeof Message.Type
