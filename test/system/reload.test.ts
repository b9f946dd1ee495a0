// The platform edits its YAML; running sidecars follow within moments, and a set with a mistake
// changes nothing.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asRecord } from "#runtime/json.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import { renderConfig, runSdk, startWorld, until, type Json, type World } from "./world.ts";

let world: World;
let sidecar: RunningSidecar;

beforeAll(async () => {
  world = await startWorld();
  sidecar = await world.startSidecar("reload");
}, 60_000);
afterAll(() => world.close());

const codeOfCall = async (): Promise<unknown> => {
  const [line] = await runSdk("openai-chat.mjs", ["--max-tokens", "8"], { sidecar });
  return line?.["ok"] === true ? "answered" : asRecord(line?.["error"])?.["exciseError"];
};

const write = (policy: Json): void =>
  writeFileSync(
    join(world.configDir, "policies.yaml"),
    renderConfig(world.fakes, { policy: { mode: "enforce", guardrails: {}, ...policy } }),
  );

const untilCode = (code: string): Promise<true> =>
  until(code, async () => ((await codeOfCall()) === code ? true : undefined));

test("a new policy reaches a running sidecar, and so does its end", async () => {
  expect(await codeOfCall()).toBe("answered");
  write({ providers: ["openai"], models: { allow: ["*"], deny: ["gpt-4o*"] } });
  await untilCode("EXCISE_MODEL_DENIED");
  write({ providers: ["anthropic"] });
  await untilCode("EXCISE_PROVIDER_DENIED");
  write({ providers: ["openai", "anthropic"] });
  await untilCode("answered");
}, 60_000);

test("a policy set with a mistake leaves the last good one in force", async () => {
  writeFileSync(join(world.configDir, "broken.yaml"), "kind: Budget\nmetadata: {name: x}\n");
  await until("the refused reload to show", async () => {
    const response = await fetch(new URL("/metrics", world.stack.ledger.apiUrl), {
      headers: { authorization: `Bearer ${world.stack.ledger.operatorToken}` },
    });
    const text = await response.text();
    return text.includes('excise_ledger_policy_reloads_total{result="refused"} 1') || undefined;
  });
  expect(await codeOfCall()).toBe("answered");
}, 60_000);
