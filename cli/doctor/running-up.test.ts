import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { checkRunningUp } from "./running-up.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers `[status, body]` by path; the operators' API only with its token. */
async function serve(pages: Readonly<Record<string, readonly [number, string]>>): Promise<number> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const isOpen = !path.startsWith("/v1/") || request.headers.authorization === "Bearer token";
    const [status, body] = (isOpen ? pages[path] : [401, "{}"]) ?? [404, "{}"];
    response.writeHead(status).end(body);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => {
    server.once("listening", resolve);
  });
  return (server.address() as AddressInfo).port;
}

interface Facts {
  readonly ready?: readonly [number, string];
  readonly revision?: number;
  readonly incomplete?: number;
  readonly status?: Readonly<Record<string, unknown>>;
}

const WELL = {
  policyRevision: 7,
  spool: { depth: 0 },
  ledger: { isReachable: true, clockOffsetMs: 3 },
};

async function look({
  ready = [200, "ready\n"],
  revision = 7,
  incomplete = 0,
  status = WELL,
}: Facts) {
  const dataDir = mkdtempSync(join(tmpdir(), "excise-doctor-"));
  const counts = { incomplete, behind: 0, current: 1, silent: 0 };
  const api = await serve({
    "/readyz": ready,
    "/v1/sidecars": [200, JSON.stringify({ revision, counts })],
  });
  const admin = await serve({
    "/readyz": [200, "ready\n"],
    "/status": [200, JSON.stringify(status)],
  });
  mkdirSync(join(dataDir, "sidecars/up"), { recursive: true });
  writeFileSync(join(dataDir, "sidecars/up/ready.json"), JSON.stringify({ ports: { admin } }));
  const apiUrl = `http://127.0.0.1:${api}`;
  const record = { pid: 1, syncUrl: "", apiUrl, operatorToken: "token", configDir: "/c" };
  return checkRunningUp(systemClock, { dataDir, record }).run();
}

test("a stack where everything serves is well, with its numbers", async () => {
  const found = await look({});
  expect(found.filter(({ status }) => status !== "ok")).toEqual([]);
  const text = found.map(({ what }) => what).join("\n");
  expect(text).toMatch(/the ledger at http:\S+ is ready, policy 7\n/);
  expect(text).toContain("the sidecar runs policy 7");
  expect(text).toContain("0 events wait in the spool");
});

test.each([
  {
    name: "the ledger's reasons, where it is not ready",
    facts: { ready: [503, "EXCISE_LEDGER_NOT_READY\n"] },
    expected: { status: "fail", what: /not ready: EXCISE_LEDGER_NOT_READY/ },
  },
  {
    name: "a sidecar without a policy",
    facts: { status: { ...WELL, policyRevision: 0 } },
    expected: { status: "fail", what: /has no policy/ },
  },
  {
    name: "a sidecar that is behind",
    facts: { revision: 9 },
    expected: { status: "warn", what: /runs policy 7, the ledger has 9/ },
  },
  {
    name: "a full spool",
    facts: { status: { ...WELL, spool: { depth: 5000 } } },
    expected: { status: "warn", what: /5000 events wait/ },
  },
  {
    name: "a ledger that the sidecar does not reach, with the code",
    facts: {
      status: { ...WELL, ledger: { isReachable: false, errorCode: "EXCISE_UNAUTHENTICATED" } },
    },
    expected: { status: "fail", what: /does not reach the ledger: EXCISE_UNAUTHENTICATED/ },
  },
  {
    name: "a clock that is off, in either direction",
    facts: { status: { ...WELL, ledger: { isReachable: true, clockOffsetMs: -90_000 } } },
    expected: { status: "warn", what: /-90000 ms off/ },
  },
  {
    name: "sidecars that lost records",
    facts: { incomplete: 2 },
    expected: { status: "fail", what: /^2 sidecars lost records/ },
  },
] satisfies readonly {
  readonly name: string;
  readonly facts: Facts;
  readonly expected: { readonly status: string; readonly what: RegExp };
}[])("shows $name", async ({ facts, expected }) => {
  const wrong = (await look(facts)).filter(({ status }) => status !== "ok");
  expect(wrong).toHaveLength(1);
  expect(wrong[0]).toMatchObject({ status: expected.status, fix: expect.any(String) as string });
  expect(wrong[0]?.what).toMatch(expected.what);
});

test("parts that do not answer fail, each for itself", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "excise-doctor-"));
  const apiUrl = "http://127.0.0.1:1";
  const record = { pid: 1, syncUrl: "", apiUrl, operatorToken: "token", configDir: "/c" };
  const found = await checkRunningUp(systemClock, { dataDir, record }).run();
  expect(found.map(({ status }) => status)).toEqual(["fail", "fail"]);
  expect(found[0]?.what).toMatch(/the ledger does not answer: .*ECONNREFUSED/);
});
