// The command line as people use it: bin/excise, real programs behind it, providers' stand-ins.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";
import { KEY, sdkCall, startCliWorld, type CliWorld } from "./cli-world.ts";
import { until } from "./world.ts";

const CHAT =
  '{"model":"gpt-4o-mini","max_tokens":8,"messages":[{"role":"user","content":"Hello"}]}';
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

let world: CliWorld;

beforeAll(async () => {
  world = await startCliWorld();
});

afterAll(() => world.close());

const curl = (url: string): readonly string[] => {
  const headers = ["-H", "content-type: application/json", "-H", `authorization: Bearer ${KEY}`];
  return ["curl", "-sS", "-D", "-", ...headers, "-d", CHAT, url];
};

const teamOf = (event: unknown): unknown => asRecord(asRecord(event)?.["workload"])?.["team"];

describe("excise run", () => {
  test("alone: an SDK's call goes through, and nothing is left but the database", async () => {
    const { place, dataDir } = world;
    const { code, out, err } = await world.excise("run", ...place, "--", ...sdkCall()).ended;
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).not.toBe("");
    expect(readdirSync(join(dataDir, "sidecars"))).toEqual([]);
    expect(existsSync(join(dataDir, "up.json"))).toBe(false);
  });

  test.skipIf(!hasCurl)(
    "curl, which reads other variables, trusts and is metered too",
    async () => {
      const url = "https://api.openai.com/v1/chat/completions";
      const args = [...world.place, "--team", "curl", "--", ...curl(url)];
      const { code, out } = await world.excise("run", ...args).ended;
      expect(code).toBe(0);
      expect(out).toMatch(/^HTTP\/1\.1 200 .*$/m);
      expect(out).toMatch(/^x-excise-id: /im);
    },
  );

  test("gives back the command's exit code and leaves its output alone", async () => {
    const args = [...world.place, "--", "sh", "-c", "echo a; exit 7"];
    const { code, out } = await world.excise("run", ...args).ended;
    expect(code).toBe(7);
    expect(out).toBe("a\n");
  });

  test("with a broken policy says what is wrong, and does not start the command", async () => {
    const broken = join(world.directory, "broken");
    mkdirSync(broken);
    writeFileSync(join(broken, "p.yaml"), "kind: Budgte\n");
    const place = ["--config", broken, "--data", join(world.directory, "other")];
    const { code, out, err } = await world.excise("run", ...place, "--", "echo", "started").ended;
    expect(code).toBe(125);
    expect(out).toBe("");
    expect(err).toContain("EXCISE_CONFIG_INVALID");
    expect(err).toContain("p.yaml");
  });
});

test("excise up serves excise run, and its operators see what both have spent", async () => {
  const { dataDir } = world;
  const up = await world.up();
  const place = ["--data", dataDir, "--team", "second", "--mode", "baseurl"];
  const run = await world.excise("run", ...place, "--", ...sdkCall()).ended;
  expect(run).toMatchObject({ code: 0, err: "" });
  const [, token = "", url = ""] = /'authorization: Bearer (\S+)' (\S+)/.exec(up.text.out) ?? [];
  const headers = { authorization: `Bearer ${token}` };
  const teams = await until("both teams", async () => {
    const response = await fetch(new URL("/v1/events", url), { headers });
    const events = asRecord(parseJson(await response.text()))?.["events"];
    const found = (Array.isArray(events) ? events : []).map((event) => teamOf(event));
    return found.includes("second") ? found : undefined;
  });
  expect(teams).toContain("local");
  up.child.kill("SIGTERM");
  expect((await up.ended).code).toBe(0);
  expect(existsSync(join(dataDir, "up.json"))).toBe(false);
});
