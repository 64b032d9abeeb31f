/** What is particular to each agent: how it is pointed at a model, and how its model calls its tools. */
import type { ModelCall } from "./Model.ts"

export type Recipe = {
  /** The role's command line. */
  readonly run: (program: string, modelUrl: string) => readonly [string, ...ReadonlyArray<string>]
  /** The role's environment. */
  readonly settings: (modelUrl: string) => Readonly<Record<string, string>>
  readonly mode: string | null
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
      "model_providers.mock.base_url": modelUrl,
      "model_providers.mock.wire_api": "responses",
      "model_providers.mock.env_key": "MODEL_KEY",
      "model_providers.mock.requires_openai_auth": false
    }).flatMap(([name, value]) => ["-c", `${name}=${JSON.stringify(value)}`])
  ],
  settings: () => ({ MODEL_KEY: key }),
  // its own sandbox makes .git read-only in all other modes
  mode: "full-access",
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
          options: { baseURL: modelUrl, apiKey: key },
          models: { "mock-model": { name: "mock-model", limit: { context: 100_000, output: 8000 } } }
        }
      },
      permission: { edit: "ask", bash: "ask" }
    })
  }),
  mode: null,
  shell: (command) => ({ name: "bash", arguments: { command, description: "Works" } }),
  tool: (name, given) => ({ name: `squadron_${name}`, arguments: given }),
  rewrite: (line) => line
}

export const recipes: Readonly<Record<string, Recipe>> = { codex, opencode }
