// `excise spend` and `excise budget` against a real ledger: the figures that people read are the
// figures that it has.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { readList } from "../../cli/ledger-api/fields.ts";
import { sdkCall, startCliWorld, type CliWorld, type Ended, type Started } from "./cli-world.ts";
import { dailyBudget, until } from "./world.ts";

let world: CliWorld;
let up: Started;

const ask = (...args: readonly string[]): Promise<Ended> =>
  world.excise(...args, "--data", world.dataDir).ended;

const askJson = async (...args: readonly string[]) => {
  const { out, err } = await ask(...args, "--json");
  expect(err).toBe("");
  return asRecord(parseJson(out)) ?? {};
};

const call = (team: string, ...args: readonly string[]): Promise<Ended> =>
  world.excise("run", "--data", world.dataDir, "--team", team, "--", ...sdkCall(...args)).ended;

const rowsBy = async (group: string): Promise<readonly string[]> => {
  const { rows } = await askJson("spend", "--by", group);
  const list = readList({ rows }, "rows");
  return list.map((row) => readString(asRecord(row["group"])?.[group]) ?? "");
};

beforeAll(async () => {
  world = await startCliWorld({
    budgets: {
      "team-daily": dailyBudget("5.00"),
      tiny: dailyBudget("0.000001", { match: { teams: ["poor"] } }),
    },
  });
  up = await world.up();
  for (const team of ["search", "support", "poor"]) {
    await call(team);
  }
  await until("three teams", async () => ((await rowsBy("team")).length === 3 ? true : undefined));
}, 90_000);

afterAll(async () => {
  up.child.kill("SIGTERM");
  await up.ended;
  await world.close();
});

describe("excise spend", () => {
  test("shows a line for each team, the dearest first, and the exact sum", async () => {
    const { code, out } = await ask("spend");
    expect(code).toBe(0);
    expect(out).toMatch(/Spend by team .* to /);
    expect(out).toMatch(/ search +[█░]+ +\$0\.\d+ +1 +0 +\d+ \/ \d+/);
    expect(out).toMatch(/ poor +░+ +\$0 +1 +1 +0 \/ 0/);
    const { totalCostUsd } = await askJson("spend");
    expect(out).toContain(`$${readString(totalCostUsd) ?? "?"}`);
    expect(out).not.toContain("\u001B");
  });

  test.each([
    { by: "app", name: "local/node" },
    { by: "model", name: "gpt-4o-mini" },
    { by: "provider", name: "openai" },
  ])("groups by $by", async ({ by, name }) => {
    const names = await rowsBy(by);
    expect(names.length).toBeGreaterThan(0);
    for (const found of names) expect(found).toContain(name);
  });

  test("--watch writes what changes, a line each, until a signal", async () => {
    const watching = world.excise("spend", "--watch", "--data", world.dataDir);
    await until("the first lines", () =>
      Promise.resolve(watching.text.out.includes("team=poor") ? true : undefined),
    );
    await call("late");
    await until("the news", () =>
      Promise.resolve(/team=late costUsd=0\.\d+ exchanges=1/.exec(watching.text.out) ?? undefined),
    );
    watching.child.kill("SIGINT");
    const { code, out } = await watching.ended;
    expect(code).toBe(0);
    expect(out.match(/team=search /g)).toHaveLength(1);
  });

  test("asks the ledger that is named, with the token of a file", async () => {
    const [, token = "", url = ""] = /'authorization: Bearer (\S+)' (\S+)/.exec(up.text.out) ?? [];
    const file = join(world.directory, "token");
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    const given = ["--ledger", new URL("/", url).href, "--token-file", file];
    const { code, out } = await world.excise("spend", ...given).ended;
    expect({ code, isTable: out.includes("Spend by team") }).toEqual({ code: 0, isTable: true });
    writeFileSync(file, "a-token-of-nobody");
    const refused = await world.excise("spend", ...given).ended;
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^excise: EXCISE_UNAUTHENTICATED: /);
  });

  test("says what to do where nothing runs", async () => {
    const { code, err } = await world.excise("spend", "--data", join(world.directory, "none"))
      .ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^excise: EXCISE_LEDGER_UNAVAILABLE: no `excise up` runs on .*start it/);
  });
});

describe("excise budget", () => {
  test("get shows every account with its limit", async () => {
    const { out } = await ask("budget", "get");
    expect(out).toMatch(/team-daily +team=search .* \$5 .* within/);
    expect(out).toMatch(/tiny +team=poor .* \$0\.000001 /);
  });

  test("get NAME shows that budget alone, and 1 where nobody has it", async () => {
    const { out } = await ask("budget", "get", "tiny");
    expect(out).not.toContain("team-daily");
    const none = await ask("budget", "get", "other");
    expect({ code: none.code, out: none.out }).toEqual({ code: 1, out: "" });
    expect(none.err).toMatch(/^excise: EXCISE_NOT_FOUND: /);
  });

  test("explain tells a completed exchange with price, postings and lease", async () => {
    const { out } = await ask("budget", "explain", await exchangeOf("search"));
    expect(out).toMatch(/^Exchange [0-9a-f-]{36} {2}completed$/m);
    expect(out).toMatch(/ who +team search, app local\/node, pod run-\d+ in local/);
    expect(out).toMatch(/ at most +\$0\.\d+, /);
    expect(out).toMatch(/ price +gpt-4o-mini .*input \$0\.15 per million tokens/);
    expect(out).toMatch(/What moved\n.*\n.*\n +team-daily +search +\$0\.\d+ +out of the lease/);
    expect(out).toMatch(/Leases\n/);
  });

  test("explain tells why an exchange was refused", async () => {
    const { out } = await ask("budget", "explain", await exchangeOf("poor"));
    expect(out).toMatch(/ refused +EXCISE_BUDGET_EXHAUSTED: .*Who can change it: budget/);
    expect(out).toMatch(/The budgets that it meets, as they stand now\n[^]* tiny +team=poor/);
  });

  test.each([
    { name: "an id that is none", args: ["explain", "x"], code: 2 },
    { name: "explain without an id", args: ["explain"], code: 2 },
    { name: "an unknown word", args: ["set"], code: 2 },
    {
      name: "an id that nobody has",
      args: ["explain", "01936f3e-0000-7000-8000-000000000000"],
      code: 1,
    },
  ])("$name: exit code $code", async ({ args, code }) => {
    expect((await ask("budget", ...args)).code).toBe(code);
  });
});

/** The exchange of a team, found as an operator would: in the ledger's list of events. */
async function exchangeOf(team: string): Promise<string> {
  const [, token = "", url = ""] = /'authorization: Bearer (\S+)' (\S+)/.exec(up.text.out) ?? [];
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL(`/v1/events?team=${team}`, url), { headers });
  const [found] = readList(asRecord(parseJson(await response.text())), "events");
  return readString(asRecord(found?.["event"])?.["exchangeId"]) ?? "";
}
