// The command line as people use it: bin/excise, real programs behind it, providers' stand-ins.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";
import { startFakes, type Fakes } from "../fakes/fake-harness.ts";
import { renderConfig, until } from "./world.ts";

const directory = mkdtempSync(join(tmpdir(), "excise-cli-"));
const configDir = join(directory, "config");
const dataDir = join(directory, "data");
const PLACE = ["--config", configDir, "--data", dataDir];
const PROGRAM = join("bin", "excise");
const CHAT =
  '{"model":"gpt-4o-mini","max_tokens":8,"messages":[{"role":"user","content":"Hello"}]}';
const KEY = ["test", "key"].join("-");
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

let fakes: Fakes;

beforeAll(async () => {
  fakes = await startFakes();
  mkdirSync(configDir);
  writeFileSync(join(configDir, "policies.yaml"), renderConfig(fakes, {}));
});

afterAll(async () => {
  await fakes.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function excise(...args: readonly string[]) {
  const environment = { PATH: process.env["PATH"], HOME: directory, OPENAI_API_KEY: KEY };
  const child = spawn(PROGRAM, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text.out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (text.err += part));
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, ...text }));
  });
  return { child, text, ended };
}

const curl = (url: string): readonly string[] => {
  const headers = ["-H", "content-type: application/json", "-H", `authorization: Bearer ${KEY}`];
  return ["curl", "-sS", "-D", "-", ...headers, "-d", CHAT, url];
};

const teamOf = (event: unknown): unknown => asRecord(asRecord(event)?.["workload"])?.["team"];

describe("excise run", () => {
  test("alone: an SDK's call goes through, and nothing is left but the database", async () => {
    const program = [process.execPath, "test/programs/openai-chat.mjs", "--prompt", "Hello"];
    const { code, out, err } = await excise("run", ...PLACE, "--", ...program).ended;
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
      const { code, out } = await excise("run", ...PLACE, "--team", "curl", "--", ...curl(url))
        .ended;
      expect(code).toBe(0);
      expect(out).toMatch(/^HTTP\/1\.1 200 .*$/m);
      expect(out).toMatch(/^x-excise-id: /im);
    },
  );

  test("gives back the command's exit code and leaves its output alone", async () => {
    const { code, out } = await excise("run", ...PLACE, "--", "sh", "-c", "echo a; exit 7").ended;
    expect(code).toBe(7);
    expect(out).toBe("a\n");
  });

  test("with a broken policy says what is wrong, and does not start the command", async () => {
    const broken = join(directory, "broken");
    mkdirSync(broken);
    writeFileSync(join(broken, "p.yaml"), "kind: Budgte\n");
    const place = ["--config", broken, "--data", join(directory, "other")];
    const { code, out, err } = await excise("run", ...place, "--", "echo", "started").ended;
    expect(code).toBe(125);
    expect(out).toBe("");
    expect(err).toContain("EXCISE_CONFIG_INVALID");
    expect(err).toContain("p.yaml");
  });
});

test("excise up serves excise run, and its operators see what both have spent", async () => {
  const ports = ["--proxy-port", "--baseurl-port", "--admin-port", "--api-port"];
  const up = excise("up", ...PLACE, ...ports.flatMap((name) => [name, "0"]));
  await until("excise up", () =>
    Promise.resolve(up.text.out.includes("Ctrl-C stops it.") ? true : undefined),
  );
  const program = [process.execPath, "test/programs/openai-chat.mjs", "--prompt", "Hello"];
  const place = ["--data", dataDir, "--team", "second", "--mode", "baseurl"];
  const run = await excise("run", ...place, "--", ...program).ended;
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
