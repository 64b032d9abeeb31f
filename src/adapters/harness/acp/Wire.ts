import * as acp from "@agentclientprotocol/sdk"
import { Deferred, Effect, Schema } from "effect"
import { isObject, objectOf } from "./json.ts"

/** The agent answered a request with an error. */
export class RpcFailed extends Schema.TaggedError<RpcFailed>()("RpcFailed", {
  method: Schema.String,
  code: Schema.Finite,
  text: Schema.String,
  data: Schema.Unknown
}) {
  override get message() {
    return `${this.method}: ${this.text} (${this.code})`
  }
}

/** The agent's side of the connection is gone; nothing that was asked will be answered. */
export class WireClosed extends Schema.TaggedError<WireClosed>()("WireClosed", {}) {
  override get message() {
    return "the agent closed the connection"
  }
}

export type Answer = Deferred.Deferred<unknown, RpcFailed | WireClosed>

/** The longest single message that an agent may send, in bytes. */
const messageBytes = 16 * 1024 * 1024

/** Bytes that may wait between the pipe and the reader before the agent has to wait. */
const waitingBytes = 1024 * 1024

/** Bytes that may wait for an agent that does not read its input. */
const unreadBytes = 8 * 1024 * 1024

/** A JSON-RPC connection to an agent, over bytes. All callbacks are called one at a time and must not throw. */
export type Wire = {
  /** Takes bytes that the agent printed; false where the agent shall wait until `onRoom`. */
  push(bytes: Uint8Array): boolean
  /** No more bytes come. */
  end(): void
  /** Sends a request at once, whether or not anybody waits for its answer. */
  ask(method: string, params: unknown): Answer
  notify(method: string, params: unknown): void
  close(): void
}

const failureOf = (method: string, cause: unknown): RpcFailed | WireClosed =>
  cause instanceof acp.RequestError
    ? new RpcFailed({ method, code: cause.code, text: cause.message, data: cause.data })
    : new WireClosed()

const isAnswer = (message: acp.AnyMessage): boolean => {
  const { error } = objectOf(message)
  if ("result" in message === "error" in message) return false
  return (
    "result" in message || (isObject(error) && Number.isInteger(error["code"]) && typeof error["message"] === "string")
  )
}

/**
 * Connects to an agent. Lines that are no message are answered with an error and skipped; answers to what nobody asked
 * are dropped; requests other than for permission are answered with "method not found".
 */
export const makeWire = (options: {
  /** Returns how many bytes wait to be read by the agent. */
  readonly send: (bytes: Uint8Array) => number
  /** The agent may go on printing. */
  readonly onRoom: () => void
  readonly onUpdate: (params: unknown) => void
  readonly onPermission: (params: unknown) => acp.RequestPermissionOutcome
  /** Something that is no part of the protocol as it is spoken here, in a few words. */
  readonly onIgnored: (what: string) => void
  /** How the agent broke the protocol, so that the connection is of no more use; a sentence about the agent. */
  readonly onViolation: (sentence: string) => void
  /** The connection is over. */
  readonly onClosed: () => void
}): Wire => {
  let printed: ReadableStreamDefaultController<Uint8Array> | undefined
  const input = new ReadableStream<Uint8Array>(
    { start: (controller) => void (printed = controller), pull: options.onRoom },
    new ByteLengthQueuingStrategy({ highWaterMark: waitingBytes })
  )
  const output = new WritableStream<Uint8Array>({
    write: (bytes) => {
      if (options.send(bytes) > unreadBytes) options.onViolation("does not read its standard input")
    }
  })
  const lines = acp.ndJsonStream(output, input, { maxMessageBytes: messageBytes })

  const asked = new Map<unknown, string>()
  /** Whether the SDK gets to see it. It would print to our stderr what it cannot make sense of. */
  const admits = (message: acp.AnyMessage): boolean => {
    if ("method" in message) {
      if ("id" in message) return true
      if (message.method === acp.methods.client.session.update) options.onUpdate(message.params)
      else if (message.method === acp.methods.protocol.cancelRequest) return true
      else options.onIgnored(`notification ${String(message.method).slice(0, 100)}`)
      return false
    }
    const method = asked.get(objectOf(message)["id"])
    if (method === undefined) {
      options.onIgnored("an answer to what nobody asked")
      return false
    }
    asked.delete(message.id)
    if (isAnswer(message)) return true
    options.onViolation(`answered \`${method}\` with neither a result nor an error`)
    return false
  }
  const readable = lines.readable.pipeThrough(
    new TransformStream<acp.AnyMessage, acp.AnyMessage>({
      transform: (message, controller) => {
        if (admits(message)) controller.enqueue(message)
      }
    })
  )
  const writer = lines.writable.getWriter()
  const writable = new WritableStream<acp.AnyMessage>({
    write: (message) => {
      if ("method" in message && "id" in message) asked.set(message.id, message.method)
      return writer.write(message)
    }
  })

  const connection = acp
    .client({ name: "squadron" })
    .onRequest(
      acp.methods.client.session.requestPermission as string,
      (params: unknown) => params,
      ({ params }): acp.RequestPermissionResponse => ({ outcome: options.onPermission(params) })
    )
    .connect({ readable, writable })
  connection.signal.addEventListener("abort", () => {
    if (connection.signal.reason instanceof acp.MessageTooLargeError) {
      options.onViolation(`sent a message of more than ${messageBytes} bytes`)
    }
    options.onClosed()
  })

  const finish = (act: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void => {
    const controller = printed
    printed = undefined
    if (controller === undefined) return
    try {
      act(controller)
    } catch {
      // the reader has gone already
    }
  }

  return {
    push: (bytes) => {
      if (printed === undefined || connection.signal.aborted) return true
      try {
        printed.enqueue(bytes)
      } catch {
        // the reader has gone between two chunks; nobody waits for what comes
        printed = undefined
        return true
      }
      return (printed.desiredSize ?? 0) > 0
    },
    end: () => finish((controller) => controller.close()),
    ask: (method, params) => {
      const answer: Answer = Deferred.makeUnsafe()
      connection.agent.request<unknown>(method, params).then(
        (value) => void Deferred.doneUnsafe(answer, Effect.succeed(value)),
        (cause: unknown) => void Deferred.doneUnsafe(answer, Effect.fail(failureOf(method, cause)))
      )
      return answer
    },
    notify: (method, params) => {
      connection.agent.notify(method, params).catch(() => {})
    },
    close: () => {
      finish((controller) => controller.close())
      connection.close()
    }
  }
}
