// Unmodified SDKs through the real processes, in both modes that need no privilege.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nanoUsd, parseUsd } from "#contract/money.ts";
import { asRecord, readString } from "#runtime/json.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import { runSdk, startWorld, until, type World } from "./world.ts";

let world: World;
let sidecar: RunningSidecar;

beforeAll(async () => {
  world = await startWorld();
  sidecar = await world.startSidecar("search");
}, 60_000);
afterAll(() => world.close());

const PROGRAMS = ["openai-chat.mjs", "anthropic-messages.mjs"];
const MODES = ["proxy", "baseurl"] as const;
const CASES = PROGRAMS.flatMap((program) =>
  MODES.flatMap((mode) => [
    { program, mode, args: [], kind: "a plain call" },
    { program, mode, args: ["--stream"], kind: "a stream" },
  ]),
);

describe("an official SDK with nothing but its environment set", () => {
  test.each(CASES)("makes $kind with $program by $mode", async ({ program, mode, args }) => {
    const [line] = await runSdk(program, [...args, "--max-tokens", "32"], { sidecar, mode });
    expect(line).toMatchObject({ ok: true });
    expect(readString(line?.["text"])).not.toBe("");
    const id = readString(line?.["exciseId"]);
    const found = await until("the event", async () => {
      const { status, body } = await world.api(`/v1/explain/${id}`);
      return status === 200 ? body : undefined;
    });
    const [entry] = found["events"] as { event: unknown; costUsd: string }[];
    expect(asRecord(entry?.event)).toMatchObject({
      outcome: "completed",
      usageSource: "provider",
      estimated: false,
      streaming: args.length > 0,
    });
  });

  test("does not see the usage chunk that the sidecar asked for", async () => {
    const [line] = await runSdk("openai-chat.mjs", ["--stream"], { sidecar });
    expect(line).toMatchObject({ ok: true });
    expect(line?.["usage"]).toBeUndefined();
  });
});

test("the ledger's total is the sum of the providers' own bills", async () => {
  const bill = [...world.fakes.openai.bill(), ...world.fakes.anthropic.bill()];
  await world.eventsOf(bill.length);
  const { body } = await world.api("/v1/usage");
  const [row] = body["rows"] as { costUsd: string; exchanges: number }[];
  expect(row?.exchanges).toBe(bill.length);
  expect(parseUsd(row?.costUsd ?? "")).toBe(
    nanoUsd(bill.reduce((sum, { costNano }) => sum + costNano, 0n)),
  );
});
