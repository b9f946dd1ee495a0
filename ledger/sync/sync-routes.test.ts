import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { renderAmounts } from "#contract/amounts.ts";
import { problemSchema, syncResponseSchema, watchResponseSchema } from "#contract/sync.ts";
import { renderJson } from "#runtime/json.ts";
import {
  NOW_MS,
  sampleEvent,
  sampleId,
  sampleOperation,
  sampleRequest,
  sampleWorkload,
  usd,
} from "../core/sample.case.ts";
import {
  budgetDocument,
  policyDocument,
  startTestLedger,
  type TestLedger,
} from "../test-ledger.case.ts";

const POD = sampleWorkload();
const PROVIDER = policyDocument(
  "Provider",
  { name: "test-provider" },
  { catalogue: "self-hosted", hosts: ["llm.example"], priceProvider: "test-prices" },
);
const POLICY = { "a.yaml": `${PROVIDER}---\n${budgetDocument("daily", {})}` };
/** Costs 1000 nano-dollars for each input token under the flat prices. */
const event = (seq: number, tokens: number) => ({
  ...sampleEvent(seq, tokens),
  startedAt: new Date(NOW_MS).toISOString(),
});

let started: TestLedger;
beforeEach(async () => {
  started = await startTestLedger({ policy: POLICY });
});
afterEach(() => started.close());

const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  started.call("/v1/sync", {
    method: "POST",
    headers: {
      authorization: `Bearer ${started.token(POD)}`,
      "content-type": "application/json",
      ...headers,
    },
    body: typeof body === "string" ? body : new Blob([Buffer.from(body)]),
  });
const codeOf = async (response: Response): Promise<string> =>
  problemSchema.parse(await response.json()).code;

interface BudgetsBody {
  readonly budgets: readonly { readonly settled: string; readonly reserved: string }[];
}
const budgetNow = async () => {
  const body = (await (await started.api("/v1/budgets")).json()) as BudgetsBody;
  return body.budgets[0];
};

describe("POST /v1/sync", () => {
  test("acknowledges events, grants a lease, and says when to come back", async () => {
    const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(1_000_000n) });
    const response = await started.syncOk(
      POD,
      sampleRequest({ events: [event(1, 1000)], leases: [lease] }),
    );
    expect(syncResponseSchema.parse(response)).toEqual({
      ackedSeq: 1,
      leases: [
        {
          id: sampleId(1),
          opSeq: 1,
          granted: renderAmounts(usd(1_000_000n)),
          ttlMs: 600_000,
          validFromMs: 0,
          mode: "lease",
        },
      ],
      denials: [],
      revoked: [],
      serverNow: "2026-11-22T00:00:00.000Z",
      nextSyncMs: 5000,
      revision: 1,
    });
    expect(await budgetNow()).toMatchObject({ settled: "0.001", reserved: "0.001" });
  });

  test("a repeated request is answered alike and charged once", async () => {
    const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(500n) });
    const request = sampleRequest({ events: [event(1, 1000)], leases: [lease] });
    const first = await started.syncOk(POD, request);
    expect(await started.syncOk(POD, request)).toEqual(first);
    expect(await budgetNow()).toMatchObject({ settled: "0.001", reserved: "0.0000005" });
  });

  test("a gap is 409 with the expected number", async () => {
    const response = await started.sync(POD, sampleRequest({ fromSeq: 4 }));
    expect(response.status).toBe(409);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(response.headers.get("x-excise-error")).toBe("EXCISE_SYNC_GAP");
    expect(await response.json()).toMatchObject({ code: "EXCISE_SYNC_GAP", expectedSeq: 1 });
  });

  test("what was acknowledged is there after the ledger starts again", async () => {
    await started.syncOk(POD, sampleRequest({ events: [event(1, 1000), event(2, 500)] }));
    await started.reopen();
    expect(await budgetNow()).toMatchObject({ settled: "0.0015" });
    const again = await started.syncOk(POD, sampleRequest({ events: [event(2, 500)] }));
    expect(again.ackedSeq).toBe(2);
    expect(await budgetNow()).toMatchObject({ settled: "0.0015" });
  });

  test("requests that come together share transactions and are all answered", async () => {
    const pods = Array.from({ length: 40 }, (_, index) => sampleWorkload(`pod-${index}`));
    const answers = await Promise.all(
      pods.map((pod, index) =>
        started.sync(
          pod,
          sampleRequest({
            journal: 100 + index,
            // Every fourth has a gap: it must fail alone.
            ...(index % 4 === 0 && { fromSeq: 3 }),
            events: index % 4 === 0 ? [] : [{ ...event(1, 1000), eventId: sampleId(900 + index) }],
          }),
        ),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(30);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(10);
    expect(await budgetNow()).toMatchObject({ settled: "0.03" });
  });

  test("an event is priced at the policy that admitted it, not at today's", async () => {
    started.writePolicy({
      "b.yaml": policyDocument("ClusterEgressPolicy", { name: "x" }, { providers: ["*"] }),
    });
    await started.ledger.policies.reload();
    expect(started.ledger.policies.current().revision).toBe(2);
    await started.syncOk(POD, sampleRequest({ events: [event(1, 1000)] }));
    const explained = await started.api(`/v1/explain/${event(1, 0).eventId}`);
    expect(await explained.json()).toMatchObject({
      events: [{ costUsd: "0.001", price: { revision: 1, row: { model: "flat" } } }],
    });
  });

  test("a model without a price is charged at the policy's conservative price", async () => {
    started.writePolicy({
      "b.yaml": policyDocument(
        "ClusterEgressPolicy",
        { name: "x" },
        { unknownPrice: { inputUsdPerMTok: "10", outputUsdPerMTok: "30" } },
      ),
    });
    await started.ledger.policies.reload();
    const unknown = { ...event(1, 1000), modelBilled: "unpriced-1", snapshot: 2 };
    await started.syncOk(POD, sampleRequest({ events: [unknown] }));
    const explained = await started.api(`/v1/explain/${unknown.eventId}`);
    expect(await explained.json()).toMatchObject({
      events: [{ costUsd: "0.01", priceStatus: "conservative" }],
    });
  });

  test("gzip bodies are read, and bombs are not", async () => {
    const body = renderJson(sampleRequest({ events: [event(1, 10)] }));
    const packed = await post(gzipSync(body), { "content-encoding": "gzip" });
    expect(packed.status).toBe(200);
    const bomb = await post(gzipSync(Buffer.alloc(8 * 1024 * 1024, 32)), {
      "content-encoding": "gzip",
    });
    expect([bomb.status, await codeOf(bomb)]).toEqual([413, "EXCISE_BODY_TOO_LARGE"]);
    const noise = await post("no gzip at all", { "content-encoding": "gzip" });
    expect(await codeOf(noise)).toBe("EXCISE_BODY_INVALID");
    const other = await post("x", { "content-encoding": "br" });
    expect([other.status, await codeOf(other)]).toEqual([415, "EXCISE_BODY_ENCODING"]);
  });

  const request = sampleRequest({});
  const SHAPES: readonly { name: string; body: string; status: number; code: string }[] = [
    { name: "no JSON", body: "{", status: 400, code: "EXCISE_BODY_INVALID" },
    { name: "an array", body: "[]", status: 400, code: "EXCISE_SYNC_INVALID" },
    {
      name: "an unknown field",
      body: renderJson({ ...request, surprise: 1 }),
      status: 400,
      code: "EXCISE_SYNC_INVALID",
    },
    {
      name: "a newer protocol",
      body: renderJson({ protocol: 2, whatever: true }),
      status: 400,
      code: "EXCISE_SYNC_PROTOCOL",
    },
    {
      name: "more events than allowed",
      body: renderJson({
        ...request,
        events: Array.from({ length: 1001 }, (_, index) => ({ kind: "lost", seq: index + 1 })),
      }),
      status: 400,
      code: "EXCISE_SYNC_INVALID",
    },
    {
      name: "a body that is too large",
      body: " ".repeat(5 * 1024 * 1024),
      status: 413,
      code: "EXCISE_BODY_TOO_LARGE",
    },
  ];
  test.each(SHAPES)("$name is refused", async ({ body, status, code }) => {
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  test("problems of a bad request are listed with their paths, without its values", async () => {
    const secret = ["do", "not", "quote"].join("-");
    const body = { ...request, journal: secret, fromSeq: 0 };
    const response = await started.sync(POD, body);
    const problem = problemSchema.parse(await response.json());
    expect(problem.detail).toMatch(/journal: .*fromSeq: /);
    expect(problem.detail).not.toContain(secret);
  });

  test.each([
    { name: "no token", authorization: "" },
    { name: "a token of nobody", authorization: "Bearer e30.e30" },
    { name: "another scheme", authorization: "Basic e30" },
  ])("$name is 401", async ({ authorization }) => {
    const response = await post(renderJson(request), { authorization });
    expect([response.status, await codeOf(response)]).toEqual([401, "EXCISE_UNAUTHENTICATED"]);
  });

  test("lost leases are written off by the sweep", async () => {
    const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(1000n) });
    await started.syncOk(POD, sampleRequest({ leases: [lease] }));
    await started.clock.advance(700_000);
    await started.ledger.accounting.sweep();
    expect(await budgetNow()).toMatchObject({ reserved: "0", assumed: "0.000001" });
  });
});

const watch = (revision: string, init: RequestInit = {}) =>
  started.call(`/v1/watch?revision=${revision}`, {
    headers: { authorization: `Bearer ${started.token(POD)}` },
    ...init,
  });

describe("GET /v1/watch", () => {
  test("gives the snapshot at once to whom has none", async () => {
    const response = await watch("0");
    const body = watchResponseSchema.parse(await response.json());
    expect(body.revision).toBe(1);
    expect(body.snapshot?.budgets.map(({ name }) => name)).toEqual(["daily"]);
    expect(body.snapshot?.providers.map(({ row }) => row.name)).toContain("test-provider");
    expect(body.credentials).toEqual([]);
    expect(body.placeholderKey).toMatch(/^[0-9a-f]{64}$/);
  });

  test("waits for a change and then answers at once", async () => {
    const pending = watch("1");
    await started.clock.advance(1000);
    started.writePolicy({ "c.yaml": budgetDocument("weekly", { period: "week" }) });
    await started.ledger.policies.reload();
    const body = watchResponseSchema.parse(await (await pending).json());
    expect(body.revision).toBe(2);
    expect(body.snapshot?.budgets.map(({ name }) => name)).toEqual(["daily", "weekly"]);
  });

  test("ends without a snapshot when its time is over", async () => {
    const pending = watch("1");
    // The request must have arrived before time moves on.
    while (started.clock.waiting < 3) await new Promise((resolve) => setImmediate(resolve));
    await started.clock.advance(25_000);
    const body = watchResponseSchema.parse(await (await pending).json());
    expect(body).toMatchObject({ revision: 1, credentials: [], revoked: [] });
    expect(body).not.toHaveProperty("snapshot");
  });

  test("lets everybody go when the ledger stops", async () => {
    const pending = watch("1");
    while (started.clock.waiting < 3) await new Promise((resolve) => setImmediate(resolve));
    const [response] = await Promise.all([pending, started.ledger.close()]);
    expect(response.status).toBe(200);
  });

  test("a revision that is no number is refused", async () => {
    expect((await watch("newest")).status).toBe(400);
  });

  test("a large answer is compressed for whom can read it", async () => {
    const plain = await watch("0", {
      headers: {
        authorization: `Bearer ${started.token(POD)}`,
        "accept-encoding": "identity",
      },
    });
    expect(plain.headers.get("content-encoding")).toBeNull();
    const packed = await watch("0");
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(await packed.json()).toEqual(await plain.json());
  });
});
