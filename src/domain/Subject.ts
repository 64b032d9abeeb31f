import { Schema } from "effect"

/** What kind of thing a subject is; `repository` is for facts that concern no single issue, such as a push. */
export const SubjectKind = Schema.Literals(["issue", "pull_request", "repository"])
export type SubjectKind = typeof SubjectKind.Type

/** A repository's full name, `owner/name`. */
export const Repository = Schema.NonEmptyString.check(
  // no part of it leads elsewhere where it is part of a path
  Schema.makeFilter((name) => !name.split("/").some((part) => /^\.+$/.test(part)), { expected: "owner/name" }),
  Schema.isPattern(/^[\w.-]+\/[\w.-]+$/u)
)

/** The number that a forge gives to an issue, a pull request, a review or a comment. */
export const ForgeNumber = Schema.Int.check(Schema.isGreaterThan(0))

/**
 * What work is about: an issue, a pull request, or the repository as a whole (number 0).
 *
 * Issues and pull requests of one repository share their numbers, as on GitHub, so `key` needs no kind.
 */
export const Subject = Schema.Struct({
  repository: Repository,
  kind: SubjectKind,
  number: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})
export type Subject = typeof Subject.Type

/** The subject's name in every table and on every screen: `owner/name#12`, or `owner/name` for a repository. */
export const key = (subject: Subject): string =>
  subject.kind === "repository" ? subject.repository : `${subject.repository}#${subject.number}`

export const issue = (repository: string, number: number): Subject => ({ repository, kind: "issue", number })
export const pullRequest = (repository: string, number: number): Subject => ({
  repository,
  kind: "pull_request",
  number
})
export const repository = (name: string): Subject => ({ repository: name, kind: "repository", number: 0 })
