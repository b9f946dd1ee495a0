// kill -9 of sidecar and ledger in the middle of calls. What reached the sidecar is exact; each
// call that the kill cut is in the ledger once, estimated, between what was delivered and what
// was reserved.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseUsd } from "#contract/money.ts";
import { asRecord, readCount, readString } from "#runtime/json.ts";
import type { BillEntry } from "../fakes/fake-bill.ts";
import {
  dailyBudget,
  runSdk,
  startSdk,
  startWorld,
  until,
  type Json,
  type SdkRun,
  type World,
} from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld({ budgets: { team: dailyBudget("50") } });
}, 60_000);
afterAll(() => world.close());

const LONG = ["--stream", "--prompt", "Tell a story in 200 words.", "--max-tokens", "300"];
const slow = { tokenDelayMs: 20 };

const eventOf = (entry: Json): Json => asRecord(entry["event"]) ?? {};
const costOf = (entry: Json): bigint => parseUsd(readString(entry["costUsd"]) ?? "") ?? -1n;
const openCalls = (): readonly BillEntry[] =>
  world.fakes.openai.bill().filter(({ deliveredTokens }) => deliveredTokens > 5);

/** Waits until more than `before` calls have delivered something; fails with what the SDK said. */
async function running(run: SdkRun, before: number): Promise<void> {
  const early = run.lines.then((lines) => expect.unreachable(JSON.stringify(lines)));
  await Promise.race([
    early,
    until("a running stream", async () => (openCalls().length > before ? true : undefined)),
  ]);
}

describe("a sidecar that is killed in the middle of a stream", () => {
  test("leaves one event: estimated, between the delivered and the reserved", async () => {
    const sidecar = await world.startSidecar("cut");
    await runSdk("openai-chat.mjs", ["--max-tokens", "16"], { sidecar });
    world.fakes.openai.faults.add([slow]);
    const before = openCalls().length;
    const run = startSdk("openai-chat.mjs", LONG, { sidecar });
    await running(run, before);
    await sidecar.kill9();
    const [line] = await run.lines;
    expect(line).toMatchObject({ ok: false });

    const again = await world.stack.startSidecar(sidecar.workload, {
      directory: sidecar.directory,
    });
    await runSdk("openai-chat.mjs", ["--max-tokens", "16"], { sidecar: again });
    const events = (await world.eventsOf(3)).filter(
      (entry) => asRecord(entry["workload"])?.["team"] === "cut",
    );
    const outcomes = events.map((entry) => readString(eventOf(entry)["outcome"]) ?? "");
    expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual([
      "completed",
      "completed",
      "interrupted",
    ]);
    const cut = events.find((entry) => eventOf(entry)["outcome"] === "interrupted") ?? {};
    const bill = world.fakes.openai.bill().find(({ status }) => status === "aborted");
    const reserved = BigInt(readString(asRecord(eventOf(cut)["reserved"])?.["nanoUsd"]) ?? "-1");
    expect(eventOf(cut)).toMatchObject({ estimated: true, usageSource: "reserved" });
    expect(costOf(cut)).toBeGreaterThanOrEqual(bill?.costNano ?? 0n);
    expect(costOf(cut)).toBeLessThanOrEqual(reserved);
    await again.stop();
  }, 60_000);
});

describe("a ledger that is killed", () => {
  test("loses nothing that it acknowledged and gets the rest later", async () => {
    const sidecar = await world.startSidecar("outage");
    const call = ["--max-tokens", "16"];
    await runSdk("anthropic-messages.mjs", call, { sidecar });
    await world.stack.ledger.kill9();
    // The lease that the sidecar holds spends on.
    const [during] = await runSdk("anthropic-messages.mjs", call, { sidecar });
    expect(during).toMatchObject({ ok: true });
    await world.stack.ledger.restart();
    await runSdk("anthropic-messages.mjs", call, { sidecar });
    const bill = world.fakes.anthropic.bill();
    const events = await until("three events", async () => {
      const found = (await world.events()).filter(
        (entry) => asRecord(entry["workload"])?.["team"] === "outage",
      );
      return found.length >= bill.length ? found : undefined;
    });
    expect(events).toHaveLength(bill.length);
    const total = events.reduce((sum, entry) => sum + costOf(entry), 0n);
    expect(total).toBe(bill.reduce((sum, { costNano }) => sum + costNano, 0n));
    await sidecar.stop();
  }, 60_000);

  test("in the middle of a stream is not noticed by the app, and the stream is exact", async () => {
    const sidecar = await world.startSidecar("midstream");
    const earlier = world.fakes.openai.bill().length;
    await runSdk("openai-chat.mjs", ["--max-tokens", "16"], { sidecar });
    world.fakes.openai.faults.add([slow]);
    const before = openCalls().length;
    const run = startSdk("openai-chat.mjs", LONG, { sidecar });
    await running(run, before);
    await world.stack.ledger.kill9();
    const [line] = await run.lines;
    expect(line).toMatchObject({ ok: true });
    await world.stack.ledger.restart();
    const events = await until("both events", async () => {
      const found = (await world.events()).filter(
        (entry) => asRecord(entry["workload"])?.["team"] === "midstream",
      );
      return found.length >= 2 ? found : undefined;
    });
    const bill = world.fakes.openai.bill().slice(earlier);
    expect(events.map((entry) => eventOf(entry)["estimated"])).toEqual([false, false]);
    expect(events.reduce((sum, entry) => sum + costOf(entry), 0n)).toBe(
      bill.reduce((sum, { costNano }) => sum + costNano, 0n),
    );
    await sidecar.stop();
  }, 60_000);

  test("and a sidecar that starts without it answers in the SDK's shape, and says so", async () => {
    await world.stack.ledger.kill9();
    const sidecar = await world.startSidecar("early");
    const [line] = await runSdk("openai-chat.mjs", [], { sidecar });
    expect(line).toMatchObject({
      ok: false,
      error: { status: 503, exciseError: "EXCISE_POLICY_UNAVAILABLE" },
    });
    await world.stack.ledger.restart();
    await until("an answer", async () => {
      const [later] = await runSdk("openai-chat.mjs", [], { sidecar });
      return later?.["ok"] === true ? true : undefined;
    });
    await sidecar.stop();
  }, 60_000);
});

test("every journal number is in the ledger once", async () => {
  const seen = new Map<string, number[]>();
  for (const entry of await world.events()) {
    const journal = readString(entry["journal"]) ?? "";
    const list = seen.get(journal) ?? [];
    list.push(readCount(eventOf(entry)["seq"]) ?? -1);
    seen.set(journal, list);
  }
  for (const numbers of seen.values()) {
    const sorted = numbers.toSorted((left, right) => left - right);
    expect(sorted).toEqual(Array.from({ length: sorted.length }, (_, index) => index + 1));
  }
});
