import { createPublicKey, createVerify, type KeyObject } from "node:crypto"
import type { Principal, State } from "./State.ts"

type Claims = { readonly iat?: unknown; readonly exp?: unknown; readonly iss?: unknown }

/** As GitHub checks an app's own token: signed by its key, not from the future, not over, at most ten minutes long. */
const isJwt = (token: string, key: KeyObject, now: number): boolean => {
  const [head = "", claims = "", signature = ""] = token.split(".")
  const isSigned = createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(key, signature, "base64url")
  if (!isSigned) return false
  const { exp, iat, iss } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as Claims
  const seconds = now / 1000
  return (
    typeof iat === "number" &&
    typeof exp === "number" &&
    iat <= seconds &&
    exp > seconds &&
    exp - iat <= 660 &&
    exp - seconds <= 600 &&
    iss === "7"
  )
}

/** Who asks with this header; null where GitHub would not know. */
export const principalOf = (state: State, authorization: string | undefined, appKey: string): Principal | null => {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ")
  const token =
    scheme.toLowerCase() === "basic"
      ? Buffer.from(value, "base64")
          .toString("utf8")
          .replace(/^x-access-token:/, "")
      : value
  if (token.split(".").length === 3) {
    return isJwt(token, createPublicKey(appKey), state.now()) ? { login: state.appLogin, owner: null, app: true } : null
  }
  const known = state.tokens.get(token)
  return known === undefined || known.expiresAt <= state.now() ? null : known
}
