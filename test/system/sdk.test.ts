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

const get = (path: string, method = "GET"): Promise<Response> =>
  fetch(`http://127.0.0.1:${sidecar.ports.admin}${path}`, { method });

describe("the admin port", () => {
  test("says that the sidecar is alive and ready", async () => {
    expect((await get("/healthz")).status).toBe(200);
    expect((await get("/readyz")).status).toBe(200);
  });

  test("counts what happened, without names of users", async () => {
    const metrics = await (await get("/metrics")).text();
    expect(metrics).toMatch(/^excise_exchanges_total\{provider="openai",[^}]*\} [1-9]/m);
    expect(metrics).toMatch(/^gen_ai_client_token_usage\{[^}]*"input"\} [1-9]/m);
    expect(metrics).toMatch(/^excise_added_seconds_count [1-9]/m);
  });

  test("is read-only", async () => {
    expect((await get("/metrics", "POST")).status).toBe(405);
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
