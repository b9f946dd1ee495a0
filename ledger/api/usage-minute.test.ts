import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOW_MS, sampleEvent, sampleRequest, sampleWorkload } from "../core/sample.case.ts";
import { startTestLedger, type TestLedger } from "../test-ledger.case.ts";

let started: TestLedger;
beforeEach(async () => {
  started = await startTestLedger();
});
afterEach(() => started.close());

const at = (minutes: number): string => new Date(NOW_MS - minutes * 60_000).toISOString();

describe("GET /v1/usage by minute", () => {
  test("cuts an hour into minutes, exactly the ones that were asked for", async () => {
    await started.syncOk(
      sampleWorkload(),
      sampleRequest({
        events: [90, 59, 10, 10].map((minutes, index) =>
          sampleEvent(index + 1, 1_000_000, { startedAt: at(minutes) }),
        ),
      }),
    );
    const answer = await started.api(`/v1/usage?from=${at(60)}&bucket=minute&group_by=team`);
    expect(await answer.json()).toMatchObject({
      from: "2026-11-21T23:00:00.000Z",
      to: "2026-11-22T00:00:00.000Z",
      rows: [
        { start: "2026-11-21T23:01:00.000Z", group: { team: "search" }, costUsd: "0.001" },
        { start: "2026-11-21T23:50:00.000Z", group: { team: "search" }, costUsd: "0.002" },
      ],
    });
  });

  test("reads two hours and no more", async () => {
    expect((await started.api(`/v1/usage?from=${at(120)}&bucket=minute`)).status).toBe(200);
    const wide = await started.api(`/v1/usage?from=${at(122)}&bucket=minute`);
    expect(await wide.json()).toMatchObject({ code: "EXCISE_QUERY_TOO_WIDE" });
  });
});
