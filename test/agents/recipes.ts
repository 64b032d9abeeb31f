/** What is particular to each agent: how it is pointed at a model, and how its model calls its tools. */
import { presets } from "../../src/adapters/harness/acp/presets.ts"
import type { ModelCall } from "./Model.ts"

export type Recipe = {
  /** The role's command line. */
  readonly run: (program: string, modelUrl: string) => readonly [string, ...ReadonlyArray<string>]
  /** The role's environment. */
  readonly settings: (modelUrl: string) => Readonly<Record<string, string>>
  readonly mode: string | null
  /** Where it asks before it acts in another mode than that; else the same. */
  readonly askingMode: string | null
  /** What it cannot do, each with why. */
  readonly cannot: { readonly [What in "resume" | "tell of refusals"]?: string }
  /** A call of the agent's own tool for commands. */
  readonly shell: (command: string) => ModelCall
  /** A call of one of Squadron's tools. */
  readonly tool: (name: string, given: ModelCall["arguments"]) => ModelCall
  /** What the model's answers need to be understood; a line at a time. */
  readonly rewrite: (line: string) => string
}

const key = "no-secret"

export const codex: Recipe = {
  run: (program, modelUrl) => [
    program,
    ...Object.entries({
      model: "gpt-5",
      model_provider: "mock",
      check_for_update_on_startup: false,
      "analytics.enabled": false,
      "feedback.enabled": false,
      "otel.exporter": "none",
      "model_providers.mock.name": "mock",
      "model_providers.mock.base_url": `${modelUrl}/v1`,
      "model_providers.mock.wire_api": "responses",
      "model_providers.mock.env_key": "MODEL_KEY",
      "model_providers.mock.requires_openai_auth": false
    }).flatMap(([name, value]) => ["-c", `${name}=${JSON.stringify(value)}`])
  ],
  settings: () => ({ MODEL_KEY: key }),
  // its own sandbox makes .git read-only in all other modes
  mode: "full-access",
  askingMode: "read-only",
  cannot: {},
  shell: (cmd) => ({ name: "exec_command", arguments: { cmd } }),
  tool: (name, given) => ({ name: `mcp__squadron__${name}`, arguments: given }),
  // it wants the tool server's name apart, which aimock cannot say
  rewrite: (line) => line.replaceAll(/"name":"(mcp__squadron)__(\w+)"/g, '"name":"$2","namespace":"$1"')
}

const opencode: Recipe = {
  run: (program) => [program, "acp"],
  settings: (modelUrl) => ({
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    OPENCODE_DISABLE_SHARE: "1",
    OPENCODE_CONFIG_CONTENT: JSON.stringify({
      autoupdate: false,
      share: "disabled",
      model: "mock/mock-model",
      small_model: "mock/mock-model",
      enabled_providers: ["mock"],
      provider: {
        mock: {
          npm: "@ai-sdk/openai-compatible",
          name: "Mock",
          options: { baseURL: `${modelUrl}/v1`, apiKey: key },
          models: { "mock-model": { name: "mock-model", limit: { context: 100_000, output: 8000 } } }
        }
      },
      permission: { edit: "ask", bash: "ask" }
    })
  }),
  mode: null,
  askingMode: null,
  cannot: {},
  shell: (command) => ({ name: "bash", arguments: { command, description: "Works" } }),
  tool: (name, given) => ({ name: `squadron_${name}`, arguments: given }),
  rewrite: (line) => line
}

/** An agent that is a script for Node, as its preset starts it. */
const byNode = (name: keyof typeof presets) => (program: string) =>
  [process.execPath, program, ...(presets[name]?.run.slice(1) ?? [])] as const

const verbatim = (line: string): string => line

const claude: Recipe = {
  run: byNode("claude"),
  settings: (modelUrl) => ({ ...presets["claude"]?.settings, ANTHROPIC_BASE_URL: modelUrl, ANTHROPIC_API_KEY: key }),
  mode: presets["claude"]?.mode ?? null,
  askingMode: presets["claude"]?.mode ?? null,
  cannot: {},
  shell: (command) => ({ name: "Bash", arguments: { command, description: "Works" } }),
  tool: (name, given) => ({ name: `mcp__squadron__${name}`, arguments: given }),
  rewrite: verbatim
}

const gemini: Recipe = {
  run: byNode("gemini"),
  settings: (modelUrl) => ({
    ...presets["gemini"]?.settings,
    GOOGLE_GEMINI_BASE_URL: modelUrl,
    GEMINI_API_KEY: key,
    // else it asks a model which one to ask
    GEMINI_MODEL: "gemini-2.5-pro"
  }),
  mode: presets["gemini"]?.mode ?? null,
  askingMode: presets["gemini"]?.mode ?? null,
  cannot: { resume: "it does not find the session of a process that was killed" },
  shell: (command) => ({ name: "run_shell_command", arguments: { command, description: "Works" } }),
  tool: (name, given) => ({ name: `mcp_squadron_${name}`, arguments: given }),
  rewrite: verbatim
}

const qwen: Recipe = {
  run: byNode("qwen"),
  settings: (modelUrl) => ({
    ...presets["qwen"]?.settings,
    OPENAI_BASE_URL: `${modelUrl}/v1`,
    OPENAI_API_KEY: key,
    OPENAI_MODEL: "mock-model"
  }),
  mode: presets["qwen"]?.mode ?? null,
  askingMode: presets["qwen"]?.mode ?? null,
  cannot: {},
  shell: (command) => ({
    name: "run_shell_command",
    arguments: { command, description: "Works", is_background: false }
  }),
  tool: (name, given) => ({ name: `mcp__squadron__${name}`, arguments: given }),
  rewrite: verbatim
}

const copilot: Recipe = {
  run: (program) => [program, ...(presets["copilot"]?.run.slice(1) ?? [])],
  settings: (modelUrl) => ({
    ...presets["copilot"]?.settings,
    COPILOT_PROVIDER_BASE_URL: `${modelUrl}/v1`,
    COPILOT_PROVIDER_API_KEY: key,
    COPILOT_MODEL: "gpt-4o",
    COPILOT_OFFLINE: "true"
  }),
  mode: presets["copilot"]?.mode ?? null,
  askingMode: presets["copilot"]?.mode ?? null,
  cannot: { "tell of refusals": "it answers an error of its model with a plain end_turn" },
  shell: (command) => ({ name: "bash", arguments: { command, description: "Works" } }),
  tool: (name, given) => ({ name: `squadron-${name}`, arguments: given }),
  rewrite: verbatim
}

export const recipes: Readonly<Record<string, Recipe>> = { codex, opencode, claude, gemini, qwen, copilot }
