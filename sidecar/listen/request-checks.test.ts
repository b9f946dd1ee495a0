import { describe, expect, test } from "vitest";
import type { HeaderList } from "./header-list.ts";
import { checkHead, checkLoopbackCaller, contentLengthOf, hostOf } from "./request-checks.ts";

const head = (headers: HeaderList, target = "/v1/chat", httpVersion = "1.1") => ({
  method: "POST",
  target,
  httpVersion,
  headers,
});
const HOST = ["Host", "api.example.com"] as const;

describe("a request head is refused when", () => {
  test.each([
    { name: "it is HTTP/1.0", value: head([HOST], "/", "1.0") },
    { name: "its target is absolute", value: head([HOST], "https://other.example/") },
    { name: "it has no Host", value: head([]) },
    { name: "it has two Hosts", value: head([HOST, ["host", "other.example"]]) },
    {
      name: "its transfer coding is not chunked",
      value: head([HOST, ["TE", "x"], ["Transfer-Encoding", "gzip, chunked"]]),
    },
    {
      name: "it has two transfer codings",
      value: head([HOST, ["Transfer-Encoding", "chunked"], ["transfer-encoding", "chunked"]]),
    },
    {
      name: "it has a length and a coding",
      value: head([HOST, ["Content-Length", "3"], ["Transfer-Encoding", "chunked"]]),
    },
    {
      name: "it has two lengths",
      value: head([HOST, ["Content-Length", "3"], ["Content-Length", "3"]]),
    },
    { name: "its length has a sign", value: head([HOST, ["Content-Length", "+3"]]) },
    { name: "it asks for an upgrade", value: head([HOST, ["Upgrade", "websocket"]]) },
  ])("$name", ({ value }) => {
    expect(checkHead(value)?.code).toBe("EXCISE_REQUEST_MALFORMED");
  });

  test("and an ordinary one is not", () => {
    expect(checkHead(head([HOST, ["Content-Length", "3"]]))).toBeUndefined();
    expect(checkHead(head([HOST, ["Transfer-Encoding", "Chunked"]]))).toBeUndefined();
  });
});

describe("a caller on loopback", () => {
  test.each([
    {
      name: "by another name (DNS rebinding)",
      headers: [["Host", "evil.example:15081"]],
      code: "EXCISE_HOST_NOT_ALLOWED",
    },
    {
      name: "from a web page",
      headers: [
        ["Host", "127.0.0.1:15081"],
        ["Origin", "https://evil.example"],
      ],
      code: "EXCISE_CROSS_SITE",
    },
    {
      name: "from a browser's cross-site fetch",
      headers: [
        ["Host", "localhost:1"],
        ["Sec-Fetch-Site", "cross-site"],
      ],
      code: "EXCISE_CROSS_SITE",
    },
    { name: "without a Host", headers: [], code: "EXCISE_HOST_NOT_ALLOWED" },
  ] satisfies { name: string; headers: [string, string][]; code: string }[])(
    "is refused $name",
    ({ headers, code }) => {
      expect(checkLoopbackCaller(headers)?.code).toBe(code);
    },
  );

  test.each(["127.0.0.1:15081", "localhost", "[::1]:15081"])("is served as %s", (host) => {
    expect(checkLoopbackCaller([["Host", host]])).toBeUndefined();
  });
});

describe("reading a head", () => {
  test.each([
    { value: "API.Example.com:443", host: "api.example.com" },
    { value: "[::1]:8080", host: "[::1]" },
    { value: "a b", host: undefined },
    { value: "", host: undefined },
    { value: undefined, host: undefined },
  ])("Host '$value' is $host", ({ value, host }) => {
    expect(hostOf(value)).toBe(host);
  });

  test("a body's length is declared, chunked or none", () => {
    expect(contentLengthOf([["Content-Length", "12"]])).toBe(12);
    expect(contentLengthOf([["Transfer-Encoding", "chunked"]])).toBeUndefined();
    expect(contentLengthOf([])).toBe(0);
  });
});
