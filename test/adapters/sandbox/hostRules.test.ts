import { assert, describe, it } from "@effect/vitest"
import {
  isInner,
  isOffered,
  offeredPorts,
  parseRule,
  parseTarget,
  rulesFor,
  written
} from "../../../src/adapters/sandbox/hostRules.ts"

const allows = (rule: string, target: string): boolean => {
  const parsed = parseRule(rule)
  const wanted = parseTarget(target)
  assert.isDefined(parsed, rule)
  return wanted !== undefined && rulesFor([parsed], wanted).length > 0
}

describe("a rule for a host", () => {
  const cases: ReadonlyArray<readonly [rule: string, yes: ReadonlyArray<string>, no: ReadonlyArray<string>]> = [
    [
      "example.com",
      ["example.com:443", "EXAMPLE.com:443", "example.com.:443"],
      ["example.com:80", "a.example.com:443", "badexample.com:443", "example.com.evil.net:443"]
    ],
    ["example.com:8443", ["example.com:8443"], ["example.com:443"]],
    [
      "*.example.com",
      ["a.example.com:443", "a.b.EXAMPLE.com:443"],
      ["example.com:443", "aexample.com:443", ".example.com:443", "a.example.com:80", "*.example.com:443"]
    ],
    ["*.example.com:80", ["a.example.com:80"], ["a.example.com:443"]],
    ["1.2.3.4", ["1.2.3.4:443", "0x1020304:443", "1.2.772:443"], ["1.2.3.5:443"]],
    ["127.0.0.1:80", ["127.1:80", "0x7f000001:80", "2130706433:80"], ["localhost:80"]],
    ["[2001:db8::1]", ["[2001:DB8:0::1]:443"], ["[2001:db8::2]:443"]],
    ["bücher.example", ["xn--bcher-kva.example:443"], ["bucher.example:443"]]
  ]
  for (const [rule, yes, no] of cases) {
    it(`${rule} allows what it says, and nothing else`, () => {
      for (const target of yes) assert.isTrue(allows(rule, target), target)
      for (const target of no) assert.isFalse(allows(rule, target), target)
    })
  }

  it("is refused where it is no host", () => {
    const wrong = [
      "",
      "*",
      "*.",
      "*.*",
      "*.1.2.3.4",
      "*.4",
      "http://a",
      "a/b",
      "a b",
      "a@b",
      "a:0",
      "a:65536",
      "a:b",
      "::1",
      "[::1"
    ]
    for (const text of wrong) assert.isUndefined(parseRule(text), text)
  })

  it("is literal only where it names one host with its port", () => {
    const literal = (text: string) => parseRule(text)?.literal
    assert.deepStrictEqual(["a.b:443", "a.b", "*.a.b:443", "[::1]:1"].map(literal), [true, false, false, true])
  })
})

describe("a port of this machine", () => {
  const rulesOf = (...texts: ReadonlyArray<string>) => texts.map(parseRule).filter((rule) => rule !== undefined)

  it("is offered inside where a rule names it by this machine's name or address", () => {
    for (const text of ["127.0.0.1:11434", "127.1:1024", "localhost:65535", "LOCALHOST.:8080"]) {
      assert.deepStrictEqual(rulesOf(text).map(isOffered), [true], text)
    }
    for (const text of [
      "127.0.0.1:1023",
      "localhost",
      "127.0.0.2:8080",
      "[::1]:8080",
      "*.localhost:8080",
      "a.b:8080"
    ]) {
      assert.deepStrictEqual(rulesOf(text).map(isOffered), [false], text)
    }
  })

  it("is looked for under the address where both are named, and the program's own stay", () => {
    const offered = offeredPorts(
      [4010],
      rulesOf("localhost:4010", "localhost:8080", "127.0.0.1:8080", "localhost:9090", "a.b:7070")
    )
    assert.deepStrictEqual(
      [...offered],
      [
        [4010, "127.0.0.1"],
        [8080, "127.0.0.1"],
        [9090, "localhost"]
      ]
    )
    assert.deepStrictEqual([...offeredPorts([], rulesOf("127.0.0.1:8080", "localhost:8080"))], [[8080, "127.0.0.1"]])
  })
})

describe("what a client asks for", () => {
  it("is refused where it is no host with a port", () => {
    for (const text of [
      "",
      "a",
      ":443",
      "a:",
      "a:0",
      "a:99999",
      "a b:1",
      "u@a:1",
      "a:1/x",
      "http://a:1",
      "[::1]",
      "a%00:1"
    ]) {
      assert.isUndefined(parseTarget(text), text)
    }
  })

  it("is written as a rule would be", () => {
    assert.strictEqual(written({ host: "a.b", port: 443 }), "a.b")
    assert.strictEqual(written({ host: "a.b", port: 80 }), "a.b:80")
    assert.strictEqual(written({ host: "::1", port: 443 }, true), "[::1]:443")
  })
})

describe("an inner address", () => {
  it("is one of this machine, of a network that is nobody else's, or of no single host", () => {
    const yes = `0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 172.31.255.255
      192.0.0.8 192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255
      :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:a00:1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1
      64:ff9b:1::1 2002:7f00:1:: 2001:0:1::1`
    const no = `1.1.1.1 8.8.8.8 100.128.0.1 172.32.0.1 172.15.0.1 192.169.0.1 11.0.0.1 223.255.255.255
      2606:4700::1111 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808`
    for (const address of yes.split(/\s+/)) assert.isTrue(isInner(address), address)
    for (const address of no.split(/\s+/)) assert.isFalse(isInner(address), address)
  })
})
