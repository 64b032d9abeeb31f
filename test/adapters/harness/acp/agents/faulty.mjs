// An agent with one fault, which its first argument names.
import { spawn } from "node:child_process"
import { closeSync, readFileSync, writeFileSync } from "node:fs"
import { answer, ask, capabilities, print, refuse, say, send, serve, update } from "./lines.mjs"

const [fault, ...rest] = process.argv.slice(2)
const forever = () => setInterval(() => {}, 1_000_000)
const begin = (id, sessionId) => ({ id, sessionId })
const prompt = (run) => ({ "session/prompt": ({ id, params }) => run(begin(id, params.sessionId), params) })
const end = ({ id }, stopReason = "end_turn") => answer(id, { stopReason })
const permission = (sessionId, kind = "allow_once") => ({
  sessionId,
  toolCall: { toolCallId: "t", title: "Touch it" },
  options: [{ optionId: "o", name: "Yes", kind }]
})

const faults = {
  /** Noise between messages, lines of two kinds, a character in two pieces. */
  noisy: () => {
    print("Welcome to the agent!\n\n{ not json\n[1,2]\n42\n")
    const text = Buffer.from(
      `${JSON.stringify({ jsonrpc: "2.0", method: "session/update", params: { sessionId: "s1", update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "Grüße 🦆!" } } } })}\r\n`
    )
    serve(
      prompt(async (turn) => {
        for (const byte of text) {
          print(Buffer.of(byte))
          if (byte > 127) await new Promise((resolve) => setTimeout(resolve, 5))
        }
        print('{"jsonrpc":"2.0","id":')
        await new Promise((resolve) => setTimeout(resolve, 50))
        print(`${turn.id},"result":{"stopReason":"end_turn"}}\r\n`)
      })
    )
  },
  "half-line": () =>
    serve(
      prompt(({ id }) => {
        print(`{"jsonrpc":"2.0","id":${id},"result":{"stop`)
        process.exit(0)
      })
    ),
  "long-line": () =>
    serve(
      prompt(() => {
        const piece = Buffer.alloc(1024 * 1024, "x")
        print('{"jsonrpc":"2.0","method":"session/update","params":"')
        for (let sent = 0; sent < 40; sent++) print(piece)
        print('"}\n')
        forever()
      })
    ),
  "unknown-updates": () =>
    serve(
      prompt((turn) => {
        for (const sessionUpdate of ["hologram", "hologram", 7, null]) update(turn.sessionId, { sessionUpdate })
        send({ method: "session/update", params: "nonsense" })
        send({ method: "session/update" })
        send({ method: "_vendor/secret", params: { a: 1 } })
        send({ id: 999, result: {} })
        send({ result: {} })
        say("another-session", "Not for you.")
        say(turn.sessionId, "Known.")
        end(turn)
      })
    ),
  "other-version": () => serve({ initialize: ({ id }) => answer(id, { protocolVersion: 2 }) }),
  "stop-reason": () => serve(prompt((turn) => answer(turn.id, rest[0] === undefined ? {} : { stopReason: rest[0] }))),
  "permission-flood": () =>
    serve(
      prompt(({ sessionId }) => {
        for (let count = 0; count < 5000; count++) void ask("session/request_permission", permission(sessionId))
        forever()
      })
    ),
  silent: () => {
    serve(prompt(({ sessionId }) => say(sessionId, "Thinking")))
    forever()
  },
  "silent-but-cancels": () => {
    let turn
    serve({
      ...prompt((now) => {
        turn = now
        say(now.sessionId, "Thinking")
        writeFileSync(`${process.env.HOME}/prompted`, "")
      }),
      "session/cancel": () => {
        say(turn.sessionId, ", cancelled")
        end(turn, "cancelled")
      }
    })
    forever()
  },
  /** Goes on after cancel, the end of its input and SIGTERM. */
  stubborn: () => {
    process.on("SIGTERM", () => {})
    process.stdin.on("end", () => {})
    serve({ ...prompt(({ sessionId }) => say(sessionId, `pid ${process.pid}\n`)), "session/cancel": () => {} })
    forever()
  },
  /** Says in its HOME what it was told, and goes on. */
  "deaf-to-cancel": () => {
    process.on("SIGTERM", () => {})
    const note = (name) => writeFileSync(`${process.env.HOME}/${name}`, "")
    serve({ ...prompt(() => note("prompted")), "session/cancel": () => note("cancelled") })
    forever()
  },
  dies: () =>
    serve(
      prompt(({ sessionId }) => {
        say(sessionId, "About to")
        console.error("out of luck")
        if (rest[0] === "signal") process.kill(process.pid, "SIGKILL")
        else process.exit(Number(rest[0] ?? 7))
      })
    ),
  "dies-held": () =>
    serve(
      prompt(({ sessionId }) => {
        const held = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "inherit" })
        say(sessionId, `pid ${held.pid}`)
        process.exit(7)
      })
    ),
  "talks-on": () => serve(prompt(({ sessionId }) => setInterval(() => say(sessionId, "and "), 50))),
  "dies-at-start": () => {
    console.error("cannot find my configuration")
    process.exit(3)
  },
  /** Leaves grandchildren that are in no group and no session of its own, one of them hides its marks. */
  forks: () =>
    serve(
      prompt((turn) => {
        const program = "setInterval(() => {}, 1e6)"
        const marked = spawn(process.execPath, ["-e", program], { detached: true, stdio: "ignore" })
        const bare = spawn(process.execPath, ["-e", program], { detached: true, stdio: "ignore", env: {} })
        marked.unref()
        bare.unref()
        const deep = spawn(
          process.execPath,
          [
            "-e",
            `const c = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(program)}], { detached: true, stdio: "inherit" }); process.stdout.write(String(c.pid)); c.unref(); process.exit(0)`
          ],
          { stdio: ["ignore", "pipe", "ignore"] }
        )
        deep.stdout.once("data", (pid) => {
          say(turn.sessionId, `pid ${process.pid}\npid ${marked.pid}\npid ${bare.pid}\npid ${pid}\n`)
          end(turn)
        })
      })
    ),
  "no-initialize": () => {
    console.error("waiting for the moon")
    serve({ initialize: () => {} })
    forever()
  },
  "no-session": () => serve({ "session/new": () => {} }),
  "bad-session": () => serve({ "session/new": ({ id }) => answer(id, { sessionId: 5 }) }),
  "two-sessions": () =>
    serve({
      "session/new": ({ id }) => {
        answer(id, { sessionId: "s1" })
        answer(id, { sessionId: "s2" })
      },
      ...prompt((turn) => {
        say(turn.sessionId, `in ${turn.sessionId}`)
        end(turn)
        end(turn)
      })
    }),
  "closes-output": () => {
    serve(prompt(() => closeSync(1)))
    forever()
  },
  "bad-answer": () => serve(prompt(({ id }) => send({ id, result: {}, error: { code: 1, message: "both" } }))),
  /** Prints what is no message and never reads the complaints. */
  deaf: () =>
    serve(
      prompt(() => {
        process.stdin.pause()
        const noise = Buffer.from("?\n".repeat(100_000))
        for (;;) print(noise)
      })
    ),
  chatty: () =>
    serve(
      prompt(({ sessionId }) => {
        for (;;) say(sessionId, "blah ".repeat(200))
      })
    ),
  error: () => {
    const [code, message, data] = rest
    serve(prompt(({ id }) => refuse(id, Number(code), message, data === undefined ? undefined : JSON.parse(data))))
  },
  "session-error": () =>
    serve({
      initialize: ({ id }) =>
        answer(id, {
          protocolVersion: 1,
          agentCapabilities: capabilities,
          authMethods: [{ id: "login", name: "Log in with Example" }]
        }),
      "session/new": ({ id }) => refuse(id, Number(rest[0]), rest[1])
    }),
  "no-mcp": () => serve({ initialize: ({ id }) => answer(id, { protocolVersion: 1, agentCapabilities: {} }) }),
  /** Wants what was not offered, and tells what it got. */
  greedy: () =>
    serve(
      prompt(async (turn) => {
        for (const method of ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_vendor/thing"]) {
          const { error } = await ask(method, { sessionId: turn.sessionId, path: "/etc/passwd", command: "id" })
          say(turn.sessionId, `${method} ${error?.code}\n`)
        }
        end(turn)
      })
    ),
  /** Tells its environment. */
  environment: () =>
    serve(
      prompt((turn) => {
        say(turn.sessionId, JSON.stringify({ cwd: process.cwd(), env: process.env }))
        end(turn)
      })
    ),
  /** Looks how far it gets, after it has asked for its tools. */
  "shut-in": () => {
    const attempt = (what, act) => {
      try {
        act()
        return `${what} written\n`
      } catch (error) {
        return `${what} ${error.code}\n`
      }
    }
    serve({
      "session/new": async ({ id, params }) => {
        for (const { headers, url } of params.mcpServers) {
          await fetch(url, { headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) })
        }
        answer(id, { sessionId: "s1" })
      },
      ...prompt(async (turn) => {
        const [mirror, state, other] = rest
        say(
          turn.sessionId,
          attempt("workspace", () => writeFileSync("it", "was here"))
        )
        say(
          turn.sessionId,
          attempt("home", () => writeFileSync(`${process.env.HOME}/it`, "was here"))
        )
        say(
          turn.sessionId,
          attempt("mirror", () => writeFileSync(`${mirror}/it`, "was here"))
        )
        say(
          turn.sessionId,
          attempt("state", () => readFileSync(`${state}/secret`))
        )
        const reached = await fetch(other, { signal: AbortSignal.timeout(5000) }).catch(() => null)
        say(turn.sessionId, reached === null ? "network unreachable" : "network reached")
        spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore" }).unref()
        end(turn)
      })
    })
  },
  /** Asks for permission with the options of its argument, and tells what was decided. */
  asks: () =>
    serve(
      prompt(async (turn) => {
        const { result } = await ask("session/request_permission", {
          sessionId: turn.sessionId,
          toolCall: {
            toolCallId: "t1",
            title: "Delete the build folder",
            kind: "delete",
            locations: [{ path: "/build" }],
            rawInput: { command: "rm -r build" }
          },
          options: JSON.parse(rest[0])
        })
        say(turn.sessionId, JSON.stringify(result.outcome))
        end(turn)
      })
    )
}

faults[fault]()
