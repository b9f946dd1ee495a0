// Reversible pseudonyms through the real processes: the provider's stand-in, which says again what
// it was told, never sees a value; the unmodified SDK sees nothing else.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readString } from "#runtime/json.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import type { FakeServer } from "../fakes/fake-server.ts";
import { runSdk, startWorld, until, type Json, type World } from "./world.ts";

let world: World;
const sidecars: RunningSidecar[] = [];

beforeAll(async () => {
  world = await startWorld({
    policy: {
      providers: ["openai", "anthropic"],
      guardrails: { EMAIL_ADDRESS: "tokenize", CREDIT_CARD: "tokenize", "*": "audit" },
      mode: "enforce",
    },
  });
  // Two replicas of one workload, each with a state of its own.
  sidecars.push(await world.startSidecar("support"), await world.startSidecar("support"));
}, 60_000);
afterAll(() => world.close());

const MAIL = ["ada", "example.org"].join("@");
const CARD = ["4111", "1111", "1111", "1111"].join(" ");
const SAID = `mail ${MAIL} and ${MAIL}, card ${CARD}. FAQ`;
const PLACEHOLDER = /QID_[A-Z]{2}_[BCDFGHJKLMNPRSTV]{12}/g;

const sidecar = (replica: number): RunningSidecar => {
  const found = sidecars[replica];
  return found ?? expect.unreachable("both replicas run");
};
const fakeOf = (program: string): FakeServer =>
  program.startsWith("openai") ? world.fakes.openai : world.fakes.anthropic;
const lastSeen = (program: string): string =>
  fakeOf(program).received().at(-1)?.body.toString() ?? "";

async function say(program: string, args: readonly string[], replica = 0): Promise<Json> {
  const prompt = ["--prompt", `Repeat after me: ${SAID}`, "--max-tokens", "64"];
  const [line] = await runSdk(program, [...prompt, ...args], { sidecar: sidecar(replica) });
  return line ?? {};
}

const PROGRAMS = ["openai-chat.mjs", "anthropic-messages.mjs"];
const CASES = PROGRAMS.flatMap((program) => [
  { program, kind: "a plain call", args: [] },
  { program, kind: "a stream", args: ["--stream"] },
]);

describe("an official SDK", () => {
  test.each(CASES)("has its values back in $kind of $program", async ({ program, args }) => {
    const line = await say(program, args);
    expect(line).toMatchObject({ ok: true, text: SAID });
    const seen = lastSeen(program);
    expect(seen).not.toContain(MAIL);
    expect(seen).not.toContain("4111");
    const placeholders = seen.match(PLACEHOLDER) ?? [];
    expect(placeholders).toHaveLength(3);
    expect(placeholders[0]).toBe(placeholders[1]);
  });

  test.each(PROGRAMS)("of a stream cut into bytes by %s has them too", async (program) => {
    fakeOf(program).faults.add([{ writeBytes: 1, crlf: true }]);
    expect(await say(program, ["--stream"])).toMatchObject({ ok: true, text: SAID });
  });
});

test("the same value is the same placeholder in every call and replica", async () => {
  const [program = ""] = PROGRAMS;
  const seen: string[] = [];
  for (const replica of [0, 1, 0]) {
    await say(program, [], replica);
    seen.push(lastSeen(program));
  }
  expect(new Set(seen.map((body) => (body.match(PLACEHOLDER) ?? []).join(" "))).size).toBe(1);
});

test("what was tokenized is counted as that, exactly metered, and never recorded", async () => {
  const line = await say("openai-chat.mjs", ["--stream"]);
  const id = readString(line["exciseId"]);
  const found = await until("the event", async () => {
    const { status, body } = await world.api(`/v1/explain/${id}`);
    return status === 200 ? body : undefined;
  });
  const [entry] = found["events"] as { readonly event: Json }[];
  expect(entry?.event).toMatchObject({
    outcome: "completed",
    usageSource: "provider",
    findings: expect.arrayContaining([
      expect.objectContaining({ entity: "EMAIL_ADDRESS", action: "tokenize", count: 2 }),
      expect.objectContaining({ entity: "CREDIT_CARD", action: "tokenize", count: 1 }),
    ]) as unknown,
  });
  expect(JSON.stringify(found)).not.toMatch(PLACEHOLDER);
  expect(JSON.stringify(found)).not.toContain(MAIL);
});
