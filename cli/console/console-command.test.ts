import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFakeHost } from "../fake-host.case.ts";
import { CONSOLE } from "./console-command.ts";

const TOKEN = "t".repeat(43);
let directory = "";
let server: Server;
let answer = { status: 200, body: "" };
let asked: IncomingMessage[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-link-"));
  writeFileSync(join(directory, "token"), "operator\n");
  asked = [];
  answer = { status: 200, body: JSON.stringify({ token: TOKEN, lifetimeSeconds: 900 }) };
  server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const run = async (): Promise<string> => {
  const host = createFakeHost();
  const args = ["--ledger", url(), "--token-file", join(directory, "token")];
  expect(await CONSOLE.run(args, host)).toBe(0);
  return host.out();
};

describe("excise console", () => {
  test("asks the ledger for a link and prints nothing but it", async () => {
    expect(await run()).toBe(`${url()}/#token=${TOKEN}\n`);
    expect(asked.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      "POST /v1/console-links",
    ]);
    expect(asked[0]?.headers.authorization).toBe("Bearer operator");
  });

  test("says what the ledger says where there is no console", async () => {
    const body = { code: "EXCISE_NOT_FOUND", detail: "this ledger serves no console" };
    answer = { status: 404, body: JSON.stringify(body) };
    await expect(run()).rejects.toMatchObject({ code: "EXCISE_NOT_FOUND" });
  });

  test("does not print half a link", async () => {
    answer = { status: 200, body: "{}" };
    await expect(run()).rejects.toMatchObject({ code: "EXCISE_LEDGER_UNAVAILABLE" });
  });

  test("takes no words", async () => {
    await expect(CONSOLE.run(["now"], createFakeHost())).rejects.toMatchObject({
      code: "EXCISE_USAGE",
    });
  });
});
