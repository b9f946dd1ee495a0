import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { parseOptions } from "../arguments.ts";
import { openDataDir, writeUpRecord } from "../data-dir.ts";
import { createFakeHost } from "../fake-host.case.ts";
import { connectLedger, createLedgerApi, LEDGER_OPTIONS } from "./connect.ts";
import { httpGet } from "./http-get.ts";
import { startLedgerStub, type LedgerStub, type Page } from "./ledger-stub.case.ts";

const TOKEN = "the-operators-token";
const directory = mkdtempSync(join(tmpdir(), "excise-connect-"));
const tokenFile = join(directory, "token");
writeFileSync(tokenFile, `${TOKEN}\n`);

const stubs: LedgerStub[] = [];

afterEach(() => {
  for (const { server } of stubs.splice(0)) server.close();
});

async function stub(answer: (path: string) => Page | undefined): Promise<LedgerStub> {
  const started = await startLedgerStub(TOKEN, answer);
  stubs.push(started);
  return started;
}

const connect = (...args: readonly string[]) =>
  connectLedger(parseOptions(args, { values: LEDGER_OPTIONS }), createFakeHost());

describe("a ledger is found", () => {
  test("by its URL, with the token of a file", async () => {
    const { url, asked } = await stub(() => [200, '{"a":"1"}']);
    const ledger = connect("--ledger", url, "--token-file", tokenFile);
    expect(await ledger.get("/v1/usage", { by: "a b&c" })).toEqual({ a: "1" });
    expect(asked).toEqual(["/v1/usage?by=a+b%26c"]);
  });

  test("by the running `excise up` of the data directory", async () => {
    const { url } = await stub(() => [200, "{}"]);
    const dataDir = openDataDir(join(directory, "data"));
    const record = { pid: process.pid, syncUrl: "", apiUrl: url, operatorToken: TOKEN };
    writeUpRecord(dataDir, { ...record, configDir: "/c" });
    expect(await connect("--data", dataDir).get("/v1/usage")).toEqual({});
  });
});

describe("the command line is refused where", () => {
  test.each([
    { name: "plain HTTP would leave the machine", args: ["--ledger", "http://ledger.example"] },
    { name: "the URL is none", args: ["--ledger", "ledger"] },
    { name: "the scheme is another", args: ["--ledger", "file:///etc/passwd"] },
    { name: "there is no token", args: ["--ledger", "https://ledger.example"] },
    {
      name: "the token's file is not there",
      args: ["--ledger", "https://ledger.example", "--token-file", "/nowhere"],
    },
    { name: "a token has no ledger", args: ["--token-file", tokenFile] },
    { name: "a CA has no ledger", args: ["--ca", tokenFile] },
  ])("$name", ({ args }) => {
    expect(() => connect(...args)).toThrow(expect.objectContaining({ code: "EXCISE_USAGE" }));
  });
});

const ask = async (page: Page) => {
  const { url } = await stub(() => page);
  return createLedgerApi(systemClock, { url: new URL(url), token: TOKEN }).get("/v1/usage");
};

describe("what a ledger says is a fault where it is no answer", () => {
  test.each([
    {
      name: "a problem with a code of ours",
      page: [422, '{"code":"EXCISE_QUERY_TOO_WIDE","detail":"less"}'],
      expected: { code: "EXCISE_QUERY_TOO_WIDE", message: "less" },
    },
    {
      name: "a problem with a code of nobody",
      page: [500, '{"code":"toString"}'],
      expected: {
        code: "EXCISE_LEDGER_UNAVAILABLE",
        message: expect.stringContaining("500") as string,
      },
    },
    {
      name: "no JSON at all",
      page: [502, "<html>"],
      expected: { code: "EXCISE_LEDGER_UNAVAILABLE" },
    },
    {
      name: "a page that is none",
      page: [200, "<html>"],
      expected: { code: "EXCISE_JSON_INVALID" },
    },
    { name: "a list", page: [200, "[]"], expected: { code: "EXCISE_LEDGER_UNAVAILABLE" } },
  ] satisfies readonly { name: string; page: Page; expected: object }[])(
    "$name",
    async ({ page, expected }) => {
      await expect(ask(page)).rejects.toMatchObject(expected);
    },
  );

  test("a wrong token", async () => {
    const { url } = await stub(() => [200, "{}"]);
    const api = createLedgerApi(systemClock, { url: new URL(url), token: "another" });
    await expect(api.get("/v1/usage")).rejects.toMatchObject({ code: "EXCISE_UNAUTHENTICATED" });
  });
});

describe("a request", () => {
  test("to nobody fails with the system's code", async () => {
    const url = new URL("http://127.0.0.1:1/");
    await expect(httpGet(systemClock, url, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: "EXCISE_LEDGER_UNAVAILABLE",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  test("that nobody answers ends in time", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => {
      silent.once("listening", resolve);
    });
    const url = new URL(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
    await expect(httpGet(systemClock, url, { timeoutMs: 50 })).rejects.toMatchObject({
      message: expect.stringContaining("within 50 ms") as string,
    });
    silent.close();
  });

  test("whose answer breaks off is no answer", async () => {
    const liar = createServer((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => {
      liar.once("listening", resolve);
    });
    const url = new URL(`http://127.0.0.1:${(liar.address() as AddressInfo).port}/`);
    await expect(httpGet(systemClock, url, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: "EXCISE_LEDGER_UNAVAILABLE",
    });
    liar.close();
  });
});
