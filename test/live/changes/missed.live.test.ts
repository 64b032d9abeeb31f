import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeGitHubDouble } from "../../support/GitHubDouble.ts"
import { newIssue } from "../../support/github/issueRoutes.ts"
import * as render from "../../support/github/render.ts"
import { deliver, deliveryId, secret } from "../support/Client.ts"
import { Project } from "./Project.ts"
import { scripted, type Step } from "./Puppet.ts"

const repository = "acme/app"

it.live(
  "blockers that closed on GitHub without a word are found by asking, and one that GitHub cannot tell of now keeps nobody else waiting",
  () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const layer = Project.layer({
        config: [["sandbox: off", `sandbox: off\ngithub: { apiUrl: "${double.apiUrl}", webUrl: "${double.webUrl}" }`]],
        env: { SQUADRON_GITHUB_TOKEN: "ghp_double", SQUADRON_GITHUB_WEBHOOK_SECRET: secret }
      })
      yield* Effect.gen(function* () {
        const project = yield* Project
        const nothing: Step = { tool: ["report_no_work", { reason: "It goes on." }] }
        const blockers = ["One", "Two"].map((title) =>
          newIssue(double.state, double.repository, "mona", { title, body: "" })
        )
        const waiting = yield* Effect.forEach(
          blockers,
          Effect.fnUntraced(function* (blocker, index) {
            const blocked: Step = {
              tool: ["report_blocked", { on: [String(blocker.number)], reason: "It comes first." }]
            }
            const issue = newIssue(double.state, double.repository, "mona", {
              title: `After ${blocker.title}`,
              body: scripted({ fixer: [{ do: [blocked] }, { do: [nothing] }] }),
              labels: ["fix"]
            })
            const answer = yield* deliver(project.url(), {
              id: deliveryId(index + 1),
              event: "issues",
              payload: {
                action: "opened",
                issue: render.issue(issue),
                repository: { full_name: repository },
                sender: { login: "mona", type: "User" }
              }
            })
            assert.include([200, 202], answer.status)
            const id = yield* project.agentOn("fixer", issue.number)
            yield* project.stands(id, "blocked")
            return id
          })
        )
        const [first = "", second = ""] = waiting
        yield* project.stop("SIGTERM")
        for (const blocker of blockers) {
          blocker.state = "closed"
          blocker.updatedAt = double.state.now()
        }
        const fault = {
          when: (_: string, path: string) => path.endsWith(`/issues/${blockers[0]?.number}`),
          what: { status: 502, body: {} },
          times: 1_000
        }
        double.faults.push(fault)
        yield* project.start
        yield* project.stands(second, "sleeping")
        assert.strictEqual((yield* project.agent(first)).status, "blocked")
        assert.isBelow(fault.times, 1_000)
        yield* project.stop("SIGTERM")
        fault.times = 0
        yield* project.start
        yield* project.stands(first, "sleeping")
        const why = (yield* project.journal(`&agent=${first}`)).map(({ text }) => text)
        assert.isTrue(
          why.some((text) => text.endsWith(`${repository}#${blockers[0]?.number} closed meanwhile`)),
          why.join("\n")
        )
      }).pipe(Effect.provide(layer))
    }),
  90_000
)
