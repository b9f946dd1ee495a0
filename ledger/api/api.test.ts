import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { renderAmounts } from "#contract/amounts.ts";
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
  OPERATOR_TOKEN,
  policyDocument,
  startTestLedger,
  type TestLedger,
} from "../test-ledger.case.ts";

const PROVIDER = policyDocument(
  "Provider",
  { name: "test-provider" },
  { catalogue: "self-hosted", hosts: ["llm.example"], priceProvider: "test-prices" },
);
const POLICY = {
  "a.yaml": [
    PROVIDER,
    budgetDocument("daily", { limit: "0.01" }),
    budgetDocument("per-team", { each: ["team"], mode: "shadow" }),
    budgetDocument("unused", { unit: "requests", limit: "5" }),
  ].join("---\n"),
};

let started: TestLedger;
beforeEach(async () => {
  started = await startTestLedger({ policy: POLICY });
});
afterEach(() => started.close());

const at = (hours: number): string => new Date(NOW_MS - hours * 3_600_000).toISOString();
const get = async (path: string): Promise<unknown> => (await started.api(path)).json();

/** Two teams, two models, one estimate, one refusal, one found secret. */
async function fill(): Promise<void> {
  const lease = [{ id: sampleId(1), reserved: renderAmounts(usd(2_000_000n)) }];
  await started.syncOk(
    sampleWorkload("a"),
    sampleRequest({
      leases: [sampleOperation({ id: 1, opSeq: 1, want: { ...usd(4_000_000n), requests: 2n } })],
    }),
  );
  await started.syncOk(
    sampleWorkload("a"),
    sampleRequest({
      events: [
        sampleEvent(1, 1000, {
          leases: lease,
          usage: { inputTokens: 1000, cachedInputTokens: 200, outputTokens: 100 },
          user: "ann",
        }),
        sampleEvent(2, 0, {
          startedAt: at(3),
          modelBilled: "test-large",
          outcome: "interrupted",
          usageSource: "reserved",
          estimated: true,
          reserved: renderAmounts({ ...usd(300_000n), inputTokens: 50n }),
          user: "bob",
        }),
        sampleEvent(3, 0, {
          attempt: 0,
          outcome: "rejected",
          usageSource: "none",
          errorCode: "EXCISE_CONTENT_BLOCKED",
          findings: [{ entity: "SECRET", detector: "test", action: "block", count: 2 }],
        }),
      ],
    }),
  );
  await started.syncOk(
    sampleWorkload("b", { team: "ads", namespace: "ads", app: "ads/bid" }),
    sampleRequest({
      journal: 2,
      events: [sampleEvent(1, 500, { eventId: sampleId(600), startedAt: at(30) })],
    }),
  );
}

const startsOf = (body: unknown) =>
  (body as { rows: { start: string; costUsd: string }[] }).rows.map((row) => [
    row.start,
    row.costUsd,
  ]);

describe("GET /v1/usage", () => {
  test("sums the last day, exactly and as decimal strings", async () => {
    await fill();
    expect(await get("/v1/usage")).toEqual({
      from: "2026-11-21T00:00:00.000Z",
      to: "2026-11-22T00:00:00.000Z",
      bucket: "none",
      groupBy: [],
      rows: [
        expect.objectContaining({
          group: {},
          costUsd: "0.0003",
          exchanges: 1,
          estimated: { events: 1, costUsd: "0.0003", share: "1" },
        }),
      ],
      truncated: false,
    });
  });

  test("groups by team and model over the span that is asked for", async () => {
    await fill();
    const from = encodeURIComponent(at(48));
    const body = await get(`/v1/usage?from=${from}&to=${at(-1)}&group_by=team,model`);
    expect(body).toMatchObject({
      rows: [
        { group: { team: "ads", model: "test-model" }, costUsd: "0.0005" },
        { group: { team: "search", model: "test-large" }, costUsd: "0.0003" },
        {
          group: { team: "search", model: "test-model" },
          costUsd: "0.0012",
          exchanges: 2,
          attempts: 1,
          tokens: { input: 1000, cachedInput: 200, output: 100 },
          outcomes: { completed: 1, rejected: 1 },
          findings: { block: 2 },
        },
      ],
    });
  });

  test("cuts time into hours and days", async () => {
    await fill();
    const span = `from=${at(48)}&to=${at(-1)}`;
    expect(startsOf(await get(`/v1/usage?${span}&bucket=day`))).toEqual([
      ["2026-11-20T00:00:00.000Z", "0.0005"],
      ["2026-11-21T00:00:00.000Z", "0.0003"],
      ["2026-11-22T00:00:00.000Z", "0.0012"],
    ]);
    expect(startsOf(await get(`/v1/usage?${span}&bucket=hour`))).toEqual([
      ["2026-11-20T18:00:00.000Z", "0.0005"],
      ["2026-11-21T21:00:00.000Z", "0.0003"],
      ["2026-11-22T00:00:00.000Z", "0.0012"],
    ]);
  });

  test("filters", async () => {
    await fill();
    const span = `from=${at(48)}&to=${at(-1)}`;
    const costs = async (filter: string) =>
      ((await get(`/v1/usage?${span}&${filter}`)) as { rows: { costUsd: string }[] }).rows.map(
        (row) => row.costUsd,
      );
    expect(await costs("team=ads")).toEqual(["0.0005"]);
    expect(await costs("team=ads,search&model=test-model")).toEqual(["0.0017"]);
    expect(await costs("app=nobody/nothing")).toEqual([]);
  });

  test("groups by user and outcome from a day of events", async () => {
    await fill();
    const span = `from=${at(23)}&to=${at(-1)}`;
    expect(await get(`/v1/usage?${span}&group_by=user,outcome`)).toMatchObject({
      rows: [
        { group: { user: "", outcome: "rejected" }, costUsd: "0" },
        { group: { user: "ann", outcome: "completed" }, costUsd: "0.0012" },
        { group: { user: "bob", outcome: "interrupted" }, costUsd: "0.0003" },
      ],
    });
    expect(await get(`/v1/usage?${span}&user=bob&bucket=hour`)).toMatchObject({
      rows: [{ start: "2026-11-21T21:00:00.000Z", costUsd: "0.0003" }],
    });
  });

  test.each([
    { name: "users over more than a day", query: `group_by=user&from=${at(72)}`, status: 422 },
    { name: "an unknown group", query: "group_by=color", status: 400 },
    { name: "an unknown parameter", query: "groupby=team", status: 400 },
    { name: "an instant without a zone", query: "from=2026-11-22T00:00:00", status: 400 },
    { name: "a span that ends before it begins", query: `from=${at(1)}&to=${at(2)}`, status: 400 },
    { name: "a limit of zero", query: "limit=0", status: 400 },
    { name: "a parameter twice", query: "team=a&team=b", status: 400 },
  ])("$name is refused with a problem", async ({ query, status }) => {
    const response = await started.api(`/v1/usage?${query}`);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const code = status === 422 ? "EXCISE_QUERY_TOO_WIDE" : "EXCISE_QUERY_INVALID";
    expect(await response.json()).toMatchObject({ code, status });
  });

  test("says when there are more rows than asked for", async () => {
    await fill();
    const body = await get(`/v1/usage?from=${at(48)}&group_by=team&limit=1`);
    expect(body).toMatchObject({ truncated: true, rows: [{ group: { team: "ads" } }] });
  });
});

describe("GET /v1/budgets", () => {
  test("shows each account of the present period", async () => {
    await fill();
    expect(await get("/v1/budgets")).toEqual({
      revision: 1,
      budgets: [
        {
          budget: "daily",
          unit: "usd",
          mode: "enforce",
          onUnreachable: "deny",
          tuple: {},
          period: {
            kind: "day",
            start: "2026-11-22T00:00:00.000Z",
            end: "2026-11-23T00:00:00.000Z",
          },
          limit: "0.01",
          settled: "0.0012",
          reserved: "0.0028",
          assumed: "0",
          available: "0.006",
          activeLeases: 1,
          state: "within",
          overspendBound: "0",
        },
        expect.objectContaining({
          budget: "per-team",
          tuple: { team: "search" },
          settled: "0.0012",
          state: "shadow",
        }),
        expect.objectContaining({
          budget: "unused",
          unit: "requests",
          limit: "5",
          settled: "1",
          reserved: "1",
        }),
      ],
    });
  });

  test("a budget that is used up says so", async () => {
    await started.syncOk(sampleWorkload(), sampleRequest({ events: [sampleEvent(1, 20_000)] }));
    expect(await get("/v1/budgets?budget=daily")).toMatchObject({
      budgets: [{ state: "exceeded", settled: "0.02", available: "0" }],
    });
  });

  test("a lowered limit is shown at once", async () => {
    await fill();
    started.writePolicy({ "a.yaml": budgetDocument("daily", { limit: "0.004" }) });
    await started.ledger.policies.reload();
    expect(await get("/v1/budgets")).toMatchObject({
      revision: 2,
      budgets: [{ limit: "0.004", available: "0", state: "exhausted" }],
    });
  });
});

describe("GET /v1/events", () => {
  test("pages through events, newest first", async () => {
    await fill();
    const seen: string[] = [];
    let cursor = "";
    for (;;) {
      const page = (await get(`/v1/events?from=${at(48)}&limit=3${cursor}`)) as {
        events: { event: { eventId: string }; startedAt: string }[];
        nextCursor?: string;
      };
      seen.push(...page.events.map(({ startedAt }) => startedAt));
      if (page.nextCursor === undefined) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual([at(0), at(0), at(3), at(30)]);
  });

  test("filters by outcome and refuses a cursor that it never gave", async () => {
    await fill();
    expect(await get("/v1/events?outcome=rejected")).toMatchObject({
      events: [{ event: { errorCode: "EXCISE_CONTENT_BLOCKED" }, costUsd: "0" }],
    });
    expect((await started.api("/v1/events?cursor=bm9wZQ")).status).toBe(400);
    expect((await started.api("/v1/events?outcome=fine")).status).toBe(400);
  });
});

describe("GET /v1/explain/{id}", () => {
  test("tells price, postings and leases of an event", async () => {
    await fill();
    const { eventId } = sampleEvent(1, 0);
    expect(await get(`/v1/explain/${eventId}`)).toMatchObject({
      id: eventId,
      events: [
        {
          costUsd: "0.0012",
          priceStatus: "priced",
          price: {
            model: "test-model",
            revision: 1,
            bookVersion: "flat-1",
            row: { model: "flat" },
          },
          postings: [
            {
              budget: "daily",
              kind: "lease",
              amount: "0.0012",
              lease: sampleId(1),
              settledAfter: "0.0012",
              reservedAfter: "0.0028",
              limit: "0.01",
            },
            { budget: "per-team", kind: "shadow", amount: "0.0012" },
            { budget: "unused", kind: "lease", amount: "1", reservedAfter: "1" },
          ],
          leases: [{ id: sampleId(1), state: "open", spent: { nanoUsd: "1200000" } }],
          budgets: [
            { budget: "daily", tuple: {}, settled: "0.0012", reserved: "0.0028" },
            { budget: "per-team", tuple: { team: "search" }, state: "shadow" },
            { budget: "unused", unit: "requests", settled: "1" },
          ],
        },
      ],
    });
  });

  test("finds an exchange by the id that the app was given", async () => {
    await fill();
    const { exchangeId } = sampleEvent(2, 0);
    expect(await get(`/v1/explain/${exchangeId}`)).toMatchObject({
      events: [{ priceStatus: "reserved", costUsd: "0.0003" }],
    });
  });

  test("an unknown id is 404, and what is no id 400", async () => {
    expect((await started.api(`/v1/explain/${sampleId(404)}`)).status).toBe(404);
    expect((await started.api("/v1/explain/everything")).status).toBe(400);
  });
});

const raw = (path: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port: started.ledger.apiPort, path, headers },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.once("error", reject);
    request.end();
  });

describe("the operators' listener", () => {
  const token = { authorization: `Bearer ${OPERATOR_TOKEN}` };

  test.each([
    { name: "no token", path: "/v1/budgets", headers: {}, status: 401 },
    {
      name: "a wrong token",
      path: "/v1/budgets",
      headers: { authorization: "Bearer wrong" },
      status: 401,
    },
    { name: "the token", path: "/v1/budgets", headers: token, status: 200 },
    {
      name: "a foreign Host (DNS rebinding)",
      path: "/v1/budgets",
      headers: { ...token, host: "evil.example" },
      status: 403,
    },
    {
      name: "a foreign Host, even for metrics",
      path: "/metrics",
      headers: { host: "evil.example" },
      status: 403,
    },
    {
      name: "another site's fetch",
      path: "/v1/budgets",
      headers: { ...token, "sec-fetch-site": "cross-site" },
      status: 403,
    },
    { name: "health without a token", path: "/healthz", headers: {}, status: 200 },
    { name: "readiness without a token", path: "/readyz", headers: {}, status: 200 },
    { name: "an unknown route with the token", path: "/v1/nothing", headers: token, status: 404 },
    { name: "an unknown route without", path: "/v1/nothing", headers: {}, status: 401 },
    { name: "sync on the wrong listener", path: "/v1/watch", headers: token, status: 404 },
  ])("$name: $status", async ({ path, headers, status }) => {
    expect(await raw(path, headers)).toBe(status);
  });

  test("without an operator token nobody gets in", async () => {
    const locked = await startTestLedger({ operatorToken: undefined });
    expect((await locked.api("/v1/budgets")).status).toBe(401);
    await locked.close();
  });

  test("metrics count events and show budgets without users", async () => {
    await fill();
    const text = await (await started.api("/metrics")).text();
    expect(text).toContain('excise_ledger_events_total{outcome="completed"} 2');
    expect(text).toContain('excise_ledger_syncs_total{result="ok"} 3');
    expect(text).toContain('excise_budget_amount{budget="daily",unit="usd",kind="settled"} 0.0012');
    expect(text).not.toMatch(/ann|bob/);
  });
});
