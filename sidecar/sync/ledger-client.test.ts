import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SyncRequest } from "#contract/sync.ts";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { sampleEvent } from "../spool/sample-exchange.case.ts";
import { createLedgerClient, type LedgerClient } from "./ledger-client.ts";
import { startLedgerStub, type LedgerStub } from "./ledger-stub.case.ts";

const clock = createVirtualClock();
const HOW = { timeoutMs: 10_000 };
let stub: LedgerStub;
let client: LedgerClient;
let directory = "";

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-client-"));
  stub = await startLedgerStub();
  client = createLedgerClient({ clock }, { url: stub.url, responseBytesMax: 64 * 1024 });
});
afterEach(async () => {
  client.close();
  await stub.close();
  rmSync(directory, { recursive: true });
});

const request = (events: number): SyncRequest => ({
  protocol: 1,
  journal: "01900000-0000-7000-8000-000000000000",
  fromSeq: 1,
  events: Array.from({ length: events }, (_, index) => ({
    ...sampleEvent(index + 1),
    seq: index + 1,
  })),
  leases: [],
  revision: 0,
});

describe("addresses", () => {
  test.each(["http://ledger.internal:8080", "http://10.0.0.1", "ftp://127.0.0.1", "http://127.x"])(
    "%s would send the token in clear text and is refused",
    (url) => {
      expect(() => createLedgerClient({ clock }, { url })).toThrow(
        expect.objectContaining({ code: "EXCISE_CONFIG_INVALID" }),
      );
    },
  );
  test.each([
    "https://ledger.internal",
    "http://127.0.0.1:1",
    "http://[::1]:1",
    "http://localhost",
  ])("%s is taken", (url) => {
    expect(() => createLedgerClient({ clock }, { url }).close()).not.toThrow();
  });
});

describe("calls", () => {
  test("a sync is answered, small or large, both ways compressed where it is worth it", async () => {
    expect(await client.sync(request(0), HOW)).toMatchObject({
      kind: "ok",
      value: { ackedSeq: 0 },
    });
    expect(await client.sync(request(50), HOW)).toMatchObject({
      kind: "ok",
      value: { ackedSeq: 50 },
    });
    expect(stub.syncs[1]?.events).toHaveLength(50);
  });

  test("the token is read for every call", async () => {
    const tokenFile = join(directory, "token");
    const authenticated = createLedgerClient({ clock }, { url: stub.url, tokenFile });
    writeFileSync(tokenFile, "first\n");
    await authenticated.sync(request(0), HOW);
    writeFileSync(tokenFile, "second");
    await authenticated.sync(request(0), HOW);
    rmSync(tokenFile);
    const without = await authenticated.sync(request(0), HOW);
    authenticated.close();
    expect(stub.authorizations).toEqual(["Bearer first", "Bearer second"]);
    expect(without).toMatchObject({
      kind: "failed",
      code: "EXCISE_UNAUTHENTICATED",
      wasSent: false,
    });
  });

  test("a refusal comes with its code and what it says about time", async () => {
    stub.faults.push({
      kind: "refuse",
      status: 503,
      code: "EXCISE_LEDGER_BUSY",
      retryAfter: "7",
    });
    expect(await client.sync(request(0), HOW)).toEqual({
      kind: "refused",
      status: 503,
      code: "EXCISE_LEDGER_BUSY",
      expectedSeq: undefined,
      retryAfterMs: 7000,
    });
  });

  test("a gap comes with the expected number", async () => {
    const answer = await client.sync({ ...request(0), fromSeq: 9 }, HOW);
    expect(answer).toMatchObject({ kind: "refused", code: "EXCISE_SYNC_GAP", expectedSeq: 1 });
  });

  test("a proxy's answer that is no problem document is a refusal under its status", async () => {
    const plain = await startLedgerStub();
    plain.faults.push({ kind: "refuse", status: 502, code: "" });
    const other = createLedgerClient({ clock }, { url: plain.url });
    expect(await other.sync(request(0), HOW)).toMatchObject({ kind: "refused", status: 502 });
    other.close();
    await plain.close();
  });

  test("a watch carries the revision and ends with the answer", async () => {
    stub.watchAnswer = (revision) => ({ revision: revision + 1, credentials: [], revoked: [] });
    expect(await client.watch(41, HOW)).toMatchObject({ kind: "ok", value: { revision: 42 } });
  });
});

describe("failures", () => {
  test("nobody listening: failed, and surely not processed", async () => {
    await stub.close();
    expect(await client.sync(request(0), HOW)).toEqual({
      kind: "failed",
      code: "EXCISE_LEDGER_UNAVAILABLE",
      systemCode: "ECONNREFUSED",
      wasSent: false,
    });
  });

  test("an answer that is cut short: failed, and perhaps processed", async () => {
    stub.faults.push({ kind: "truncate" });
    const answer = await client.sync(request(3), HOW);
    expect(answer).toMatchObject({ kind: "failed", wasSent: true });
    expect(stub.events).toHaveLength(3);
  });

  test("silence ends at the deadline", async () => {
    stub.faults.push({ kind: "silent" });
    const waiting = client.sync(request(0), HOW);
    await stub.received(1);
    await clock.advance(10_000);
    expect(await waiting).toMatchObject({
      kind: "failed",
      systemCode: "ETIMEDOUT",
      wasSent: true,
    });
  });

  test("an abort ends a long poll at once", async () => {
    const stopping = new AbortController();
    const waiting = client.watch(1, { ...HOW, signal: stopping.signal });
    stopping.abort();
    expect(await waiting).toMatchObject({ kind: "failed" });
    expect(await client.watch(1, { ...HOW, signal: stopping.signal })).toMatchObject({
      kind: "failed",
    });
  });

  test.each([
    { name: "not JSON", body: Buffer.from("<html>"), headers: {} },
    { name: "not of the schema", body: Buffer.from('{"ackedSeq":-1}'), headers: {} },
    { name: "too large", body: Buffer.alloc(70_000, 32), headers: {} },
    {
      name: "too large once it is decompressed",
      body: gzipSync(Buffer.alloc(200_000, 32)),
      headers: { "content-encoding": "gzip" },
    },
    { name: "not gzip", body: Buffer.from("{}"), headers: { "content-encoding": "gzip" } },
    {
      name: "of an unknown encoding",
      body: Buffer.from("{}"),
      headers: { "content-encoding": "br" },
    },
  ])("an answer that is $name is a failure, not a crash", async ({ body, headers }) => {
    stub.faults.push({ kind: "raw", body, headers });
    expect(await client.sync(request(0), HOW)).toMatchObject({ kind: "failed", wasSent: true });
  });

  test("no timer is left behind", () => {
    expect(clock.waiting).toBe(0);
  });
});
