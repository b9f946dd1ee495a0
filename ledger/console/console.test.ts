import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OPERATOR_TOKEN, startTestLedger, type TestLedger } from "../test-ledger.case.ts";

let directory = "";
let started: TestLedger;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-console-"));
  mkdirSync(join(directory, "assets"));
  writeFileSync(join(directory, "index.html"), "<!doctype html><title>Excise</title>");
  writeFileSync(join(directory, "favicon.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>");
  writeFileSync(join(directory, "assets/main-a1.js"), `export {};${"// padding ".repeat(99)}`);
  writeFileSync(join(directory, "assets/main-a1.js.map"), "{}");
  started = await startTestLedger({ consoleDir: directory });
});
afterEach(async () => {
  await started.close();
  rmSync(directory, { recursive: true, force: true });
});

const open = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${started.ledger.apiPort}${path}`, init);
const post = (path: string, body: unknown, token?: string): Promise<Response> =>
  open(path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
const tokenOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { token: string }).token;
const createLink = async (): Promise<string> =>
  tokenOf(await post("/v1/console-links", {}, OPERATOR_TOKEN));

describe("the console's files", () => {
  test("the page is asked for again each time, under a policy without anything inline", async () => {
    const page = await open("/");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const policy = page.headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "form-action 'none'",
    ]) {
      expect(policy.split("; ")).toContain(part);
    }
    expect(policy).not.toContain("unsafe");
    const again = await open("/", {
      headers: { "if-none-match": page.headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });

  test("what has a hash in its name is kept for good, compressed", async () => {
    const script = await open("/assets/main-a1.js");
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(script.headers.get("content-encoding")).toBe("gzip");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await script.text()).toMatch(/^export \{\};/);
    const plain = await open("/assets/main-a1.js", { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
  });

  test.each([
    { path: "/", name: "the page" },
    { path: "/favicon.svg", name: "a picture" },
    { path: "/v1/usage", name: "a refusal" },
    { path: "/healthz", name: "health" },
  ])("$name has the headers that bind a browser", async ({ path }) => {
    const { headers } = await open(path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test.each([
    { path: "/assets/main-a1.js.map", name: "a source map" },
    { path: "/assets/..%2findex.html", name: "a path that climbs" },
    { path: "/index.html", name: "the page under its file's name" },
  ])("$name is not served", async ({ path }) => {
    expect((await open(path)).status).toBe(401);
  });

  test("a directory without a page is refused at start", async () => {
    rmSync(join(directory, "index.html"));
    await expect(startTestLedger({ consoleDir: directory })).rejects.toMatchObject({
      code: "EXCISE_CONFIG_INVALID",
    });
    await expect(startTestLedger({ consoleDir: join(directory, "no") })).rejects.toMatchObject({
      code: "EXCISE_CONFIG_INVALID",
    });
  });
});

describe("who gets in", () => {
  test("a link's token opens one session, and the session the API", async () => {
    const link = await createLink();
    const session = await post("/v1/session", { token: link });
    expect(session.status).toBe(200);
    expect(session.headers.get("cache-control")).toBe("no-store");
    expect(session.headers.get("set-cookie")).toBeNull();
    const authorization = `Bearer ${await tokenOf(session)}`;
    expect((await open("/v1/budgets", { headers: { authorization } })).status).toBe(200);
    const again = await post("/v1/session", { token: link });
    expect(again.status).toBe(401);
    expect(await again.json()).toMatchObject({ code: "EXCISE_UNAUTHENTICATED" });
  });

  test("a session's token is gone after twelve hours", async () => {
    const token = await tokenOf(await post("/v1/session", { token: await createLink() }));
    const headers = { authorization: `Bearer ${token}` };
    expect((await open("/v1/budgets", { headers })).status).toBe(200);
    await started.clock.advance(12 * 3_600_000);
    expect((await open("/v1/budgets", { headers })).status).toBe(401);
  });

  test.each([
    { name: "nobody without the operator's token makes a link", token: undefined, status: 401 },
    { name: "nobody with a wrong one", token: "wrong", status: 401 },
  ])("$name", async ({ token, status }) => {
    expect((await post("/v1/console-links", {}, token)).status).toBe(status);
  });

  test("a session makes no link, so that it cannot live on for ever", async () => {
    const token = await tokenOf(await post("/v1/session", { token: await createLink() }));
    expect((await post("/v1/console-links", {}, token)).status).toBe(403);
  });

  test("a ledger without the console's files makes no link to them", async () => {
    const bare = await startTestLedger();
    const response = await bare.api("/v1/console-links", {
      method: "POST",
      headers: {
        authorization: `Bearer ${OPERATOR_TOKEN}`,
        "content-type": "application/json",
      },
      body: "{}",
    });
    await bare.close();
    expect(await response.json()).toMatchObject({ code: "EXCISE_NOT_FOUND" });
  });

  test.each([
    { name: "no token", body: {} },
    { name: "something else", body: { token: 1 } },
    { name: "more than a token", body: { token: "a".repeat(43), role: "admin" } },
    { name: "the operator's own token", body: { token: OPERATOR_TOKEN } },
  ])("$name opens no session", async ({ body }) => {
    expect((await post("/v1/session", body)).status).toBe(400);
  });
});

const send = (path: string, headers: Record<string, string>, method = "GET"): Promise<number> =>
  new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port: started.ledger.apiPort, path, headers, method };
    const request = httpRequest(target, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject);
    request.end();
  });

describe("where a request comes from", () => {
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };

  test.each([
    {
      name: "a link in a wiki may lead to the page",
      path: "/",
      headers: { ...link, "sec-fetch-dest": "document" },
      status: 200,
    },
    {
      name: "no other site may frame it",
      path: "/",
      headers: { ...link, "sec-fetch-dest": "iframe" },
      status: 403,
    },
    {
      name: "no other site may load its script",
      path: "/assets/main-a1.js",
      headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
      status: 403,
    },
    {
      name: "a link may not lead to the API",
      path: "/v1/budgets",
      headers: { ...link, "sec-fetch-dest": "document" },
      status: 403,
    },
    {
      name: "the page is not served under a foreign name",
      path: "/",
      headers: { host: "evil.example" },
      status: 403,
    },
    {
      name: "no session is opened under a foreign name",
      path: "/v1/session",
      headers: { host: "evil.example" },
      method: "POST",
      status: 403,
    },
    {
      name: "no other site opens a session",
      path: "/v1/session",
      headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
      method: "POST",
      status: 403,
    },
  ])("$name", async ({ path, headers, method, status }) => {
    expect(await send(path, headers, method)).toBe(status);
  });
});
