import { Schema } from "effect"
import { Repository } from "../../domain/Subject.ts"
import { Count, CountOrZero, Names, VariableName } from "./quantities.ts"

/** Where the secret of GitHub's webhook comes from when the file does not say. */
export const defaultSecretEnv = "SQUADRON_GITHUB_WEBHOOK_SECRET"

/** Where the app's private key comes from when the file does not say. */
export const defaultPrivateKeyEnv = "SQUADRON_GITHUB_PRIVATE_KEY"

/** Where the token for GitHub comes from when the file does not say. */
export const defaultGitHubTokenEnv = "SQUADRON_GITHUB_TOKEN"

const App = Schema.Struct({
  id: Count.annotate({ description: "The app's id.", examples: [123_456] }),
  privateKeyEnv: Schema.optionalKey(
    VariableName.annotate({
      description: `Environment variable with the app's private key, PEM. Default: ${defaultPrivateKeyEnv}.`,
      examples: [defaultPrivateKeyEnv]
    })
  ),
  installation: Schema.optionalKey(
    Count.annotate({
      description: "Id of its installation. Default: the one of the repository.",
      examples: [12_345_678]
    })
  )
})

const url = (description: string, example: string) =>
  Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s/]+(?:\/[^\s]*)?$/u)).annotate({
      description: `${description} Default: ${example}.`,
      expected: "an address that begins with http:// or https://",
      examples: [example]
    })
  )

/** What `github` may say in config.yaml. */
export const GitHub = Schema.Struct({
  app: Schema.optionalKey(
    App.annotate({
      description: "The GitHub App that Squadron acts as; without it and without a token, GitHub is only heard.",
      expected: "a map of keys"
    })
  ),
  tokenEnv: Schema.optionalKey(
    VariableName.annotate({
      description: `Environment variable with a token to act with, instead of an app. Default: ${defaultGitHubTokenEnv}, where it is set.`,
      examples: [defaultGitHubTokenEnv]
    })
  ),
  apiUrl: url("Address of GitHub's API.", "https://api.github.com"),
  webUrl: url("Address of GitHub, where git finds repositories.", "https://github.com"),
  secretEnv: Schema.optionalKey(
    VariableName.annotate({
      description: `Environment variable with the webhook's secret. Default: ${defaultSecretEnv}; without it every delivery is refused.`,
      examples: [defaultSecretEnv]
    })
  ),
  ratePerMinute: Schema.optionalKey(
    CountOrZero.annotate({
      description: "Deliveries accepted in a minute; 0 for no limit. Default: 600.",
      examples: [600]
    })
  ),
  repositories: Schema.optionalKey(
    Schema.Array(Repository.annotate({ expected: "a repository as owner/name", examples: ["acme/app"] })).annotate({
      description: "Repositories whose events are accepted. Default: all.",
      expected: "a list of repositories",
      examples: [["acme/app"]]
    })
  ),
  installations: Schema.optionalKey(
    Schema.Array(Count).annotate({
      description: "Ids of the app's installations whose events are accepted. Default: all.",
      expected: "a list of installation ids",
      examples: [[12_345_678]]
    })
  ),
  botLogins: Schema.optionalKey(
    Names.annotate({
      description: "Logins that Squadron itself acts under, so that it knows its own doing. Default: none.",
      expected: "a list of logins",
      examples: [["squadron[bot]"]]
    })
  )
})
