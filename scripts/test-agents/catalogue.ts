/** The agents that can be tested, and the mock of a model; all pinned. */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"

export type Package = {
  readonly name: string
  readonly version: string
  /** MB on disk, about. */
  readonly size: number
  /** What to run, absolute; several where it comes for several kinds of machine, the likelier first. */
  readonly programs: (modules: string) => ReadonlyArray<string>
  /** Ends with 0 where the program works on this machine; null where it is run by Node. */
  readonly probe: ReadonlyArray<string> | null
}

export const aimock: Package = {
  name: "@copilotkit/aimock",
  version: "1.43.0",
  size: 12,
  programs: (modules) => [join(modules, "@copilotkit", "aimock", "dist", "index.js")],
  probe: null
}

const machine = `${process.platform}-${process.arch}`

export const agents: Readonly<Record<string, Package>> = {
  codex: {
    name: "@zed-industries/codex-acp",
    version: "0.16.0",
    size: 223,
    programs: (modules) => [join(modules, "@zed-industries", `codex-acp-${machine}`, "bin", "codex-acp")],
    probe: ["--help"]
  },
  opencode: {
    name: "opencode-ai",
    version: "1.18.33",
    size: 354,
    programs: (modules) =>
      readdirSync(modules)
        .filter((name) => name.startsWith(`opencode-${machine}`))
        .toSorted()
        .map((name) => join(modules, name, "bin", "opencode"))
        .filter((path) => existsSync(path)),
    probe: ["--version"]
  },
  claude: {
    name: "@agentclientprotocol/claude-agent-acp",
    version: "0.101.0",
    size: 401,
    programs: (modules) => [join(modules, "@agentclientprotocol", "claude-agent-acp", "dist", "index.js")],
    probe: null
  },
  gemini: {
    name: "@google/gemini-cli",
    version: "0.61.0",
    size: 100,
    programs: (modules) => [join(modules, "@google", "gemini-cli", "bundle", "gemini.js")],
    probe: null
  },
  qwen: {
    name: "@qwen-code/qwen-code",
    version: "0.24.4",
    size: 144,
    programs: (modules) => [join(modules, "@qwen-code", "qwen-code", "cli-entry.js")],
    probe: null
  },
  copilot: {
    name: "@github/copilot",
    version: "1.0.102",
    size: 189,
    programs: (modules) => [
      join(modules, "@github", `copilot-${machine}`, "copilot"),
      join(modules, "@github", `copilot-linuxmusl-${process.arch}`, "copilot")
    ],
    probe: ["--version"]
  }
}

/** Changes with each version, so that a folder of installed packages is that of these. */
export const versions = [aimock, ...Object.values(agents)].map(({ name, version }) => `${name}@${version}`).join(" ")
