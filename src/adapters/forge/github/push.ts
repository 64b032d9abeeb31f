import { Effect, Redacted } from "effect"
import type { ActionDraft } from "../../../domain/Action.ts"
import { agentOfBranch } from "../../../domain/branches.ts"
import { ForgeError } from "../../../domain/Errors.ts"
import { refused } from "./fault.ts"
import { type GitFault, type GitRun, runGit } from "./git.ts"
import { GitHubClient } from "./GitHubClient.ts"
import type { Of } from "./issueActions.ts"

/** Git's way to say who asks; a whole header line. */
export const basicHeader = (token: Redacted.Redacted<string>): Redacted.Redacted<string> =>
  Redacted.make(
    `Authorization: Basic ${Buffer.from(`x-access-token:${Redacted.value(token)}`, "utf8").toString("base64")}`
  )

const passing = (reason: string): ForgeError => new ForgeError({ reason, retryable: true, retryAfter: null })

const quiet = (fault: GitFault): ForgeError => passing(fault.reason)

const place = (commit: string | null): string => (commit === null ? "not there" : `at ${commit}`)

/** What a person should read of git's output: its complaints, without the address and its progress. */
const complaint = ({ stderr, stdout }: GitRun): string =>
  `${stderr}\n${stdout}`
    .split("\n")
    .filter((line) => /^(?:remote: ?\S|error:|fatal:|!\t)/.test(line))
    .map((line) => line.replace(/^(?:remote: |error: |fatal: |!\t)/, "").trim())
    .join("; ")
    .slice(0, 1000)

/** What git says of the network or of a server in trouble; it has no exit code for that. */
const mayPass =
  /could not resolve host|failed to connect|connection (?:timed out|reset|refused)|timed out|early eof|hung up|returned error: (?:5\d\d|429)|rpc failed|internal server error|cannot lock ref|temporarily|unable to access/i
const denied = /authentication failed|could not read username|returned error: (?:401|403)|permission .* denied/i

/**
 * Sets the branch to a commit of the mirror where the branch is where it is expected to be, and nowhere else; where it is
 * there already, that is fine. The token is in git's environment alone.
 */
export const push = Effect.fnUntraced(function* (
  { subject: { repository } }: ActionDraft,
  { branch, commit, expected }: Of<"push">,
  options: { readonly webUrl: string; readonly mirror: (repository: string) => string }
) {
  const client = yield* GitHubClient
  const mirror = options.mirror(repository)
  const url = `${options.webUrl}/${repository}.git`
  const ref = `refs/heads/${branch}`
  const git = (seconds: number, args: ReadonlyArray<string>, header?: Redacted.Redacted<string>) =>
    Effect.mapError(
      runGit(["-C", mirror, ...args], {
        seconds,
        // to this host alone, wherever its answers point
        ...(header === undefined
          ? {}
          : {
              settings: [
                [`http.${new URL(url).origin}/.extraHeader`, Redacted.value(header)],
                ["http.followRedirects", "false"]
              ] as const
            })
      }),
      quiet
    )

  const there = yield* git(20, ["cat-file", "-e", `${commit}^{commit}`])
  if (there.code !== 0) return yield* refused(`Squadron's mirror of ${repository} does not hold the commit ${commit}`)
  const header = basicHeader(yield* client.token(repository))
  const pushed = (lease: string | null) =>
    git(120, ["push", "--porcelain", `--force-with-lease=${ref}:${lease ?? ""}`, url, `${commit}:${ref}`], header)
  let run = yield* pushed(expected)
  if (run.code === 0) return { commit }

  const what = `${branch} of ${repository} cannot be set to ${commit}`
  const said = complaint(run)
  if (/\(stale info\)|\(fetch first\)|remote ref .* changed/i.test(`${run.stdout}${run.stderr}`)) {
    const now = yield* git(30, ["ls-remote", "--exit-code", url, ref], header)
    if (now.code === 2 && expected !== null && agentOfBranch(branch) !== null) {
      // an agent's branch that is gone comes back; what is gone can overwrite nobody
      run = yield* pushed(null)
      if (run.code === 0) return { commit }
    }
    if (now.code === 0 || now.code === 2) {
      const found = /^[0-9a-f]{40}/.exec(now.stdout)?.[0] ?? null
      return yield* refused(`${what}: it is ${place(found)}, and was expected ${place(expected)}`)
    }
  }
  if (denied.test(said)) return yield* refused(`${what}: GitHub does not let us push (${said})`)
  return yield* mayPass.test(said)
    ? passing(`${what}: ${said}`)
    : refused(`${what}: ${said === "" ? "git failed" : said}`)
})
