/** A coding agent that is known by name: how it is started, and what it needs. The adapter itself knows no names. */
export type Preset = {
  /** What people call it. */
  readonly title: string
  readonly run: readonly [string, ...ReadonlyArray<string>]
  /** Environment variables that it gets where the daemon has them: its secrets, and which model to use. */
  readonly env: ReadonlyArray<string>
  /** Environment variables with values that are no secret. */
  readonly settings: Readonly<Record<string, string>>
  /** The session mode to set; null leaves its own. */
  readonly mode: string | null
  /** Hosts that it reaches from a sandbox: `name`, `name:port` or `*.suffix`. */
  readonly hosts: ReadonlyArray<string>
  /** How a person installs it. */
  readonly install: string
}

/**
 * Modes and settings are such that an agent asks before it writes or runs something, so that the role's `permissions`
 * decide; but for codex, which is said below.
 */
export const presets: Readonly<Record<string, Preset>> = {
  claude: {
    title: "Claude Code",
    run: ["claude-agent-acp"],
    env: [
      "ANTHROPIC_API_KEY",
      "ANTHROPIC_AUTH_TOKEN",
      "ANTHROPIC_BASE_URL",
      "ANTHROPIC_MODEL",
      "CLAUDE_CODE_OAUTH_TOKEN"
    ],
    settings: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" },
    // left to itself it may be in `auto`, in which a model permits what it does
    mode: "default",
    hosts: ["api.anthropic.com"],
    install: "npm install --global @agentclientprotocol/claude-agent-acp"
  },
  codex: {
    title: "Codex",
    run: ["codex-acp"],
    env: ["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_CONFIG", "MODEL_PROVIDER"],
    // it takes a key from its environment only where it is told to
    settings: { DEFAULT_AUTH_REQUEST: '{"methodId":"api-key"}', NO_BROWSER: "1" },
    // its other modes make .git read-only, so that it cannot commit; this one never asks for permission
    mode: "agent-full-access",
    hosts: ["api.openai.com", "chatgpt.com", "auth.openai.com"],
    install: "npm install --global @agentclientprotocol/codex-acp"
  },
  gemini: {
    title: "Gemini CLI",
    run: ["gemini", "--acp"],
    env: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_MODEL", "GOOGLE_GEMINI_BASE_URL"],
    // in a folder that it does not trust it takes no MCP servers
    settings: { NO_BROWSER: "true", GEMINI_CLI_TRUST_WORKSPACE: "true" },
    mode: "default",
    hosts: ["generativelanguage.googleapis.com"],
    install: "npm install --global @google/gemini-cli"
  },
  copilot: {
    title: "GitHub Copilot CLI",
    // its own GitHub tools would pass Squadron by
    run: ["copilot", "--acp", "--disable-builtin-mcps"],
    env: [
      "COPILOT_GITHUB_TOKEN",
      "COPILOT_MODEL",
      "COPILOT_OFFLINE",
      "COPILOT_PROVIDER_API_KEY",
      "COPILOT_PROVIDER_BASE_URL",
      "COPILOT_PROVIDER_TYPE"
    ],
    settings: { COPILOT_AUTO_UPDATE: "false" },
    mode: null,
    hosts: ["api.github.com", "copilot-proxy.githubusercontent.com", "*.githubcopilot.com"],
    install: "npm install --global @github/copilot"
  },
  opencode: {
    title: "opencode",
    run: ["opencode", "acp"],
    env: ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY"],
    settings: {
      OPENCODE_CONFIG_CONTENT: '{"autoupdate":false,"share":"disabled","permission":{"edit":"ask","bash":"ask"}}',
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1"
    },
    mode: null,
    hosts: [
      "api.anthropic.com",
      "api.openai.com",
      "generativelanguage.googleapis.com",
      "openrouter.ai",
      "opencode.ai",
      "models.dev"
    ],
    install: "npm install --global opencode-ai"
  },
  qwen: {
    title: "Qwen Code",
    run: ["qwen", "--acp"],
    env: ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "DASHSCOPE_API_KEY"],
    settings: {},
    // as for claude
    mode: "default",
    hosts: ["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "api.openai.com"],
    install: "npm install --global @qwen-code/qwen-code"
  },
  goose: {
    title: "goose",
    // without its own developer tools it could neither edit nor run anything
    run: ["goose", "acp", "--with-builtin", "developer"],
    env: [
      "GOOSE_PROVIDER",
      "GOOSE_MODEL",
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
      "GOOGLE_API_KEY",
      "OPENROUTER_API_KEY"
    ],
    settings: { GOOSE_MODE: "approve", GOOSE_DISABLE_KEYRING: "1" },
    mode: null,
    hosts: ["api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com", "openrouter.ai"],
    install: "see https://block.github.io/goose/docs/getting-started/installation"
  }
}
