import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Place } from "./places.ts"

// As this file is, so is the bridge: TypeScript in the source, JavaScript in the package.
const source = import.meta.url.endsWith(".ts")
const bridge = fileURLToPath(new URL(source ? "./bridge.ts" : "./bridge.js", import.meta.url))

/** Where the bridge and its sockets are inside; the ending says that it is a module, with no package.json about. */
export const inside = { bridge: `/run/squadron/bridge.${source ? "mts" : "mjs"}`, sockets: "/run/squadron/sockets" }

const place = ({ kind, path }: Place): ReadonlyArray<string> =>
  kind === "empty" ? ["--tmpfs", path] : [kind === "writable" ? "--bind" : "--ro-bind", path, path]

/** What root may write to in /proc even without capabilities: the settings of the kernel, one of which runs programs. */
const kernelSettings = ["sys", "irq", "bus", "fs", "acpi", "scsi", "mtrr", "sysrq-trigger"].map(
  (name) => `/proc/${name}`
)

/** Programs need these for their own. */
const isScratch = (path: string): boolean => path === "/tmp" || path === "/var/tmp"

/** Options of bubblewrap for a program without network that sees these places. `sockets`: the bridge's folder. */
export const bwrapArguments = (
  places: ReadonlyArray<Place>,
  options: { readonly cwd: string; readonly sockets?: string | undefined; readonly lowPorts?: boolean | undefined }
): ReadonlyArray<string> =>
  [
    // It begins in a session of its own, without a terminal; in a second one it would not give way to the daemon.
    ["--die-with-parent"],
    ["--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net"],
    // Root keeps its capabilities otherwise, and could make everything writable again.
    ["--cap-drop", "ALL"],
    // Of use to root alone, and only root's daemon has such ports.
    options.lowPorts === true ? ["--cap-add", "CAP_NET_BIND_SERVICE"] : [],
    ["--ro-bind", "/", "/"],
    ["--dev", "/dev"],
    ["--proc", "/proc"],
    ...kernelSettings.map((path) => (existsSync(path) ? ["--ro-bind", path, path] : [])),
    ...places.map(place),
    ["--ro-bind", process.execPath, process.execPath],
    ["--ro-bind", bridge, inside.bridge],
    options.sockets === undefined ? [] : ["--ro-bind", options.sockets, inside.sockets],
    // Only now, for until here mount points were made in them.
    ...places.map(({ kind, path }) => (kind === "empty" && !isScratch(path) ? ["--remount-ro", path] : [])),
    ["--chdir", options.cwd]
  ].flat()
