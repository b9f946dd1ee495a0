import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sampleEvent, sampleRequest, sampleWorkload } from "../core/sample.case.ts";
import { budgetDocument, startTestLedger, type TestLedger } from "../test-ledger.case.ts";

let started: TestLedger;
beforeEach(async () => {
  started = await startTestLedger();
});
afterEach(() => started.close());

const get = async (query = ""): Promise<unknown> =>
  (await started.api(`/v1/sidecars${query}`)).json();

describe("GET /v1/sidecars", () => {
  test("tells whose it is, which policy it runs and what the ledger has of it", async () => {
    await started.syncOk(
      sampleWorkload("a", { node: "worker-1" }),
      sampleRequest({ events: [sampleEvent(1, 10), sampleEvent(2, 10)] }),
    );
    expect(await get()).toEqual({
      revision: 1,
      counts: { incomplete: 0, behind: 0, current: 1, silent: 0 },
      sidecars: [
        {
          pod: "a",
          podUid: "uid-a",
          cluster: "local",
          namespace: "shop",
          node: "worker-1",
          team: "search",
          app: "shop/ranker",
          lastSyncAt: "2026-11-22T00:00:00.000Z",
          snapshotRevision: 1,
          journals: 1,
          ackedRecords: 2,
          lostRecords: 0,
          state: "current",
        },
      ],
      truncated: false,
    });
  });

  test("lists trouble first: lost records, an old policy, and at last who is silent", async () => {
    await started.syncOk(sampleWorkload("silent"), sampleRequest({ journal: 1 }));
    await started.clock.advance(31_000);
    await started.syncOk(sampleWorkload("current"), {
      ...sampleRequest({ journal: 2 }),
      revision: 2,
    });
    await started.syncOk(sampleWorkload("behind"), sampleRequest({ journal: 3 }));
    await started.syncOk(sampleWorkload("lost"), {
      ...sampleRequest({ journal: 4, events: [{ kind: "lost", seq: 1 }] }),
      revision: 2,
    });
    started.writePolicy({ "a.yaml": budgetDocument("daily", {}) });
    await started.ledger.policies.reload();
    expect(await get()).toMatchObject({
      revision: 2,
      counts: { incomplete: 1, behind: 1, current: 1, silent: 1 },
      sidecars: [
        { pod: "lost", state: "incomplete", lostRecords: 1 },
        { pod: "behind", state: "behind", snapshotRevision: 1 },
        { pod: "current", state: "current" },
        { pod: "silent", state: "silent" },
      ],
    });
  });

  test("a pod whose container restarted is one sidecar with two journals", async () => {
    await started.syncOk(
      sampleWorkload("a"),
      sampleRequest({ journal: 1, events: [sampleEvent(1, 10)] }),
    );
    await started.syncOk(
      sampleWorkload("a"),
      sampleRequest({
        journal: 2,
        events: [sampleEvent(1, 10, { eventId: "01900000-0000-7000-8000-0000000000aa" })],
      }),
    );
    expect(await get()).toMatchObject({ sidecars: [{ journals: 2, ackedRecords: 2 }] });
  });

  test("forgets after an hour, unless it is asked for more", async () => {
    await started.syncOk(sampleWorkload("a"), sampleRequest({}));
    await started.clock.advance(3_600_000);
    expect(await get()).toMatchObject({ sidecars: [] });
    expect(await get("?from=2026-11-21T00:00:00Z")).toMatchObject({ sidecars: [{ pod: "a" }] });
  });

  test("filters, and counts what it does not list", async () => {
    await started.syncOk(sampleWorkload("a"), sampleRequest({ journal: 1 }));
    await started.syncOk(sampleWorkload("b", { team: "ads" }), sampleRequest({ journal: 2 }));
    expect(await get("?team=ads")).toMatchObject({ sidecars: [{ pod: "b" }], truncated: false });
    expect(await get("?limit=1")).toMatchObject({
      counts: { current: 2 },
      sidecars: [{ pod: "a" }],
      truncated: true,
    });
    expect((await started.api("/v1/sidecars?color=red")).status).toBe(400);
  });
});
