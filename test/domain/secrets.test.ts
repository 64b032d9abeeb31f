import { assert, describe, it } from "@effect/vitest"
import { scanDiff, secretIn } from "../../src/domain/secrets.ts"

const github = `ghp_${"aB3".repeat(12)}`

describe("secrets", () => {
  // put together here, so that no scanner takes this file for a leak
  const known: ReadonlyArray<readonly [kind: string, text: string]> = [
    ["a GitHub token", `token ${github};`],
    ["a GitHub token", `gho_${"a1".repeat(18)}`],
    ["a GitHub token", `ghs_${"a1".repeat(18)}`],
    ["a GitHub token", `https://x:github_pat_${"a1B2_".repeat(16)}@github.com`],
    ["a GitLab token", `glpat-${"a1B2-".repeat(4)}`],
    ["an AWS access key", `aws_access_key_id = AKIA${"ABCD2345".repeat(2)}`],
    ["a Slack token", `xoxb-${"123456789012-".repeat(2)}abc`],
    ["a private key", `-----BEGIN ${"RSA "}PRIVATE KEY-----`],
    ["a private key", `  "-----BEGIN ${""}PRIVATE KEY-----\\nMIIE`],
    ["a private key", `-----BEGIN ${"OPENSSH "}PRIVATE KEY-----`],
    ["an npm token", `//packages.example/:_authToken=npm_${"aB3d".repeat(9)}`],
    ["an Anthropic key", `sk-ant-${"api03-aB3dE".repeat(4)}`],
    ["an API key", `OPENAI=sk-${"aB3dE5gH7jK9".repeat(4)}`],
    ["an API key", `sk-proj-${"aB3dE5gH7jK9".repeat(4)}`],
    ["a Google API key", `AIza${"aB3dE5g".repeat(5)}`],
    ["a Stripe key", `sk_live_${"aB3dE5".repeat(4)}`],
    ["a value that looks like a secret", `const apiKey = "${"q7Zp2Lx9Vt4Kb8Nw3Hy6Rc1Md5Fs0Gj"}Ea"`],
    ["a value that looks like a secret", `password: 'q7Zp2Lx9/Vt4Kb8Nw3+Hy6Rc1Md5Fs0GjEa=='`]
  ]
  for (const [kind, text] of known) {
    it(`${kind} is found in ${text.slice(0, 30)}…`, () => assert.strictEqual(secretIn(text, ""), kind))
  }

  for (const text of [
    "ghp_short",
    "the prefix ghp_ of GitHub",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-your-token",
    "npm_config_registry",
    "class sk-folding-cube-with-a-very-long-name-indeed",
    "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    'const token = "replace-me-with-your-own-token-please"',
    `sha = "${"0123456789abcdef".repeat(4)}"`,
    `token: "${"0123456789abcdef".repeat(2)}"`,
    "const secretKeyOfTheKingdom = readFromEnvironment(process.env.SECRET_KEY_OF_THE_KINGDOM)",
    'integrity: "sha512-q7Zp2Lx9Vt4Kb8Nw3Hy6Rc1Md5Fs0GjEaq7Zp2Lx9Vt4Kb8Nw3Hy6Rc1Md5Fs0GjEa=="',
    ""
  ]) {
    it(`nothing is found in ${JSON.stringify(text.slice(0, 50))}`, () => assert.isNull(secretIn(text, "")))
  }

  it("a secret is found also after what only looks like one", () => {
    const harmless = "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    assert.strictEqual(secretIn(`${harmless} sk-${"aB3dE5gH7jK9".repeat(4)}`, ""), "an API key")
    const plain = 'token = "replace-me-with-your-own-token-please"'
    assert.strictEqual(
      secretIn(`${plain}\nsecret = "${"q7Zp2Lx9Vt4Kb8Nw3Hy6Rc1Md5Fs0Gj"}Ea"`, ""),
      "a value that looks like a secret"
    )
  })

  it("the run's own token is found whatever it looks like, and no token finds nothing", () => {
    assert.strictEqual(secretIn("x plain y", "plain"), "this run's own token")
    assert.isNull(secretIn("x plain y", ""))
  })
})

describe("a diff", () => {
  const diff = (...rows: ReadonlyArray<string>) => rows.join("\n")

  it("is read line by line: what is added counts, with its file and line", () => {
    const found = scanDiff(
      diff(
        "diff --git a/src/a.ts b/src/a.ts",
        "index 1..2 100644",
        "--- a/src/a.ts",
        "+++ b/src/a.ts",
        "@@ -10,3 +20,4 @@ function x() {",
        " context",
        "-old",
        "+new",
        `+const t = "${github}"`,
        ` ${github} was there`,
        "@@ -50 +61 @@",
        "-x",
        `+${github}`,
        "\\ No newline at end of file",
        "diff --git a/b.ts b/b.ts",
        "--- /dev/null",
        "+++ b/b.ts",
        "@@ -0,0 +1,2 @@",
        "+one",
        `+${github}2`
      ),
      ""
    )
    assert.deepStrictEqual(found.found, [
      { file: "src/a.ts", line: 22, kind: "a GitHub token" },
      { file: "src/a.ts", line: 61, kind: "a GitHub token" },
      { file: "b.ts", line: 2, kind: "a GitHub token" }
    ])
    assert.notInclude(JSON.stringify(found.found), github)
  })

  it("cannot be led astray by lines that look like its own", () => {
    const found = scanDiff(
      diff(
        "--- a/a",
        "+++ b/a",
        "@@ -1,1 +1,5 @@",
        "+++ b/innocent",
        "+@@ -1,0 +1,0 @@",
        "--- b",
        "+Binary files a/x and b/x differ",
        `+${github}`,
        "+last"
      ),
      ""
    )
    assert.deepStrictEqual(found, {
      found: [{ file: "a", line: 4, kind: "a GitHub token" }],
      binary: [],
      taken: []
    })
  })

  it("names files that hold no text, but for those that are gone", () => {
    const { binary } = scanDiff(
      diff(
        "Binary files /dev/null and b/logo.png differ",
        "Binary files a/old.bin and /dev/null differ",
        "Binary files a/x and b/x differ",
        'Binary files a/plain and "b/caf\\303\\251 \\"1\\".bin" differ'
      ),
      ""
    )
    assert.deepStrictEqual(binary, ["logo.png", "x", 'café "1".bin'])
  })

  it("finds a secret in a file's name", () => {
    const { found } = scanDiff(diff(`+++ b/${github}.txt`, "@@ -0,0 +1 @@", "+x"), "")
    assert.deepStrictEqual(found, [{ file: "the name of a file", line: 0, kind: "a GitHub token" }])
  })

  it("finds a secret in the name of a file that is empty, or that git quotes", () => {
    for (const rows of [
      [`diff --git a/${github} b/${github}`, "new file mode 100644", "index 0000000..e69de29"],
      [`diff --git "a/\\303\\251${github}" "b/\\303\\251${github}"`, "new file mode 100644"],
      [`+++ "b/\\303\\251${github}"`],
      [`rename to "\\303\\251${github}"`]
    ]) {
      const { found } = scanDiff(diff(...rows), "")
      assert.deepStrictEqual(found, [{ file: "the name of a file", line: 0, kind: "a GitHub token" }])
    }
    // what goes was there
    const gone = scanDiff(diff(`diff --git a/${github} b/${github}`, "deleted file mode 100644"), "")
    assert.deepStrictEqual(gone.found, [])
  })

  it("does not count what was there before: taken away by the same change, or known", () => {
    const moved = diff("--- a/a", "+++ b/b", "@@ -1 +1 @@", `-${github}`, `+${github}`)
    assert.deepStrictEqual(scanDiff(moved, ""), { found: [], binary: [], taken: [github] })
    const back = diff("--- a/a", "+++ b/a", "@@ -0,0 +1 @@", `+${github}`)
    assert.strictEqual(scanDiff(back, "").found.length, 1)
    assert.strictEqual(scanDiff(back, "", new Set([github])).found.length, 0)
    // only that very line
    const other = diff("--- a/a", "+++ b/a", "@@ -0,0 +1 @@", `+x ${github}`)
    assert.strictEqual(scanDiff(other, "", new Set([github])).found.length, 1)
  })
})
