import * as render from "./render.ts"
import { type Asked, created, notFound, ok, type Reply, type Route } from "./Route.ts"
import { iso, type Repository } from "./State.ts"

/** The installation that each owner of a repository has, by the order in which they came. */
const installations = (repositories: Iterable<Repository>): ReadonlyMap<number, string> =>
  new Map(
    [...new Set([...repositories].map(({ name }) => (name.split("/")[0] ?? "").toLowerCase()))].map((owner, index) => [
      index + 11,
      owner
    ])
  )

const jwtOnly: Reply = { status: 401, body: { message: "A JSON web token could not be decoded" } }

const asApp =
  (answer: (asked: Asked) => Reply) =>
  (asked: Asked): Reply =>
    asked.who.app ? answer(asked) : jwtOnly

const hour = 3_600_000

export const accountRoutes: ReadonlyArray<Route<Asked>> = [
  {
    method: "GET",
    path: /^\/user$/,
    answer: ({ who }) =>
      who.owner === null && !who.app
        ? ok({ login: who.login })
        : { status: 403, body: { message: "Resource not accessible by integration" } }
  },
  {
    method: "GET",
    path: /^\/app$/,
    answer: asApp(({ state }) => ok({ id: 7, slug: state.appLogin.replace("[bot]", ""), name: "Squadron" }))
  },
  {
    method: "GET",
    path: /^\/app\/installations$/,
    answer: asApp(({ state }) =>
      ok([...installations(state.repositories.values())].map(([id, login]) => ({ id, account: { login } })))
    )
  },
  {
    method: "POST",
    path: /^\/app\/installations\/(\d+)\/access_tokens$/,
    answer: asApp(({ parts, state }) => {
      const owner = installations(state.repositories.values()).get(Number(parts[0]))
      if (owner === undefined) return notFound
      state.issued++
      const token = `ghs_double${state.issued}`
      const expiresAt = state.now() + hour
      state.tokens.set(token, { login: state.appLogin, owner, app: false, expiresAt })
      return created({ token, expires_at: iso(expiresAt), permissions: {} })
    })
  },
  {
    method: "GET",
    path: /^\/repos\/([^/]+\/[^/]+)\/installation$/,
    answer: asApp(({ parts, state }) => {
      const repository = state.repositories.get((parts[0] ?? "").toLowerCase())
      const owner = (parts[0] ?? "").split("/")[0]?.toLowerCase()
      const found = [...installations(state.repositories.values())].find(([, one]) => one === owner)
      return repository === undefined || found === undefined ? notFound : ok({ id: found[0] })
    })
  },
  {
    method: "GET",
    path: /^\/installation\/repositories$/,
    answer: ({ state, who }) => {
      if (who.owner === null) return { status: 403, body: { message: "Resource not accessible" } }
      const repositories = [...state.repositories.values()]
        .filter(({ name }) => name.toLowerCase().startsWith(`${who.owner}/`))
        .map(({ name }) => ({ full_name: name }))
      return ok({ total_count: repositories.length, repositories })
    }
  },
  {
    method: "GET",
    path: /^(?:\/app\/hook|\/repos\/[^/]+\/[^/]+\/hooks\/\d+)\/deliveries$/,
    answer: ({ query, state, url }) => {
      const size = Number(query.get("per_page") ?? "30")
      const from = Number(query.get("cursor")?.replace("c", "") ?? "0")
      const rows = state.deliveries.toSorted((a, b) => b.deliveredAt - a.deliveredAt)
      const next = new URL(url)
      next.searchParams.set("cursor", `c${from + size}`)
      return {
        status: 200,
        body: rows.slice(from, from + size).map(render.delivery),
        headers: from + size < rows.length ? { link: `<${next.href}>; rel="next"` } : {}
      }
    }
  },
  {
    method: "GET",
    path: /^(?:\/app\/hook|\/repos\/[^/]+\/[^/]+\/hooks\/\d+)\/deliveries\/(\d+)$/,
    answer: ({ parts, state }) => {
      const row = state.deliveries.find(({ id }) => String(id) === parts[0])
      return row === undefined
        ? notFound
        : ok({ ...render.delivery(row), request: { headers: {}, payload: row.payload }, response: {} })
    }
  }
]
