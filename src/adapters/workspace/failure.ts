import type { PlatformError } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { GitFailed } from "../git/runGit.ts"
import { textOf } from "./git.ts"

/** Git's complaint without its chatter: the last lines that say what is wrong, as one. */
const complaint = (said: string): string => {
  const lines = textOf(said)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const telling = lines.filter((line) => /^(?:fatal|error|remote|ssh):/.test(line))
  return (telling.length > 0 ? telling : lines).slice(-3).join("; ").slice(0, 600)
}

type Kind = { readonly pattern: RegExp; readonly remedy: string; readonly retryable: boolean }

const anywhere: ReadonlyArray<Kind> = [
  {
    pattern: /no space left on device|disk quota exceeded|ENOSPC|EDQUOT/i,
    remedy: "Free some space on the disk of the state folder",
    retryable: true
  },
  {
    pattern: /permission denied(?! \(publickey)|EACCES|EPERM|read-only file system|EROFS/i,
    remedy: "Give the daemon's user the right to read and write everything in the state folder",
    retryable: false
  },
  {
    pattern: /git cannot be started/,
    remedy: "Install git 2.38 or later where the daemon's PATH finds it",
    retryable: false
  }
]

/** What the other side of a fetch says; the first that fits counts. */
const remote: ReadonlyArray<Kind> = [
  {
    pattern:
      /authentication failed|could not read (?:username|password)|(?:error:|HTTP) 40[13]\b|permission denied \(publickey|invalid (?:username|credentials)|host key verification failed/i,
    remedy: "Check the forge's token or key: it must be valid and allowed to read this repository's contents",
    retryable: false
  },
  {
    pattern:
      /repository .* not found|error: 404\b|HTTP 404\b|does not appear to be a git repository|no such file or directory|not our ref|couldn't find remote ref/i,
    remedy: "Check the repository's name, and that the forge's token may see it",
    retryable: false
  },
  {
    pattern: /error: 30\d\b|unable to update url base from redirection/i,
    remedy:
      "The forge sends us elsewhere, and its token is for nobody else: correct the repository's name or the forge's address",
    retryable: false
  },
  {
    pattern:
      /is not a git command|unsupported protocol|transport '.*' not allowed|remote helper|bad config|invalid refspec|mismatched algorithms/i,
    remedy: "Check the repository's address in the forge's settings",
    retryable: false
  }
]

const elsewhere: Kind = { pattern: /^/, remedy: "Look at it by hand; the work so far is kept", retryable: false }
const network: Kind = {
  pattern: /^/,
  remedy: "Check the network and whether the forge is up; it is tried again",
  retryable: true
}

/** The failure as the port tells it. `step` is what was being done; `secret` is never in its reason. */
export const workspaceFailed = (
  step: string,
  error: GitFailed | PlatformError.PlatformError,
  secret = ""
): WorkspaceFailed => {
  const fetching = step === "fetch"
  const said = error._tag === "GitFailed" ? error.said : error.message
  const kinds = [...(fetching ? remote : []), ...anywhere, fetching ? network : elsewhere]
  const { remedy, retryable } = kinds.find(({ pattern }) => pattern.test(said)) ?? elsewhere
  const reason = error._tag === "GitFailed" ? complaint(said) : said
  return new WorkspaceFailed({
    step,
    reason: secret === "" ? reason : reason.replaceAll(secret, "…"),
    remedy: `${remedy}.`,
    // What took too long, or was ended by somebody, may go well another time.
    retryable: retryable || /was not done after|was ended by/.test(said)
  })
}
