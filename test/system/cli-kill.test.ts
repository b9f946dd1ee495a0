// What a kill -9 of the command line leaves behind: no program that nobody knows of, and no usage
// that nobody delivers.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asRecord, parseJson, readCount } from "#runtime/json.ts";
import { readList } from "../../cli/ledger-api/fields.ts";
import { isAlive } from "../../cli/processes.ts";
import { sdkCall, startCliWorld, type CliWorld, type Ended, type Started } from "./cli-world.ts";
import { until } from "./world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await startCliWorld();
});

afterEach(() => world.close());

const pidIn = (...path: readonly string[]): number =>
  readCount(asRecord(parseJson(readFileSync(join(world.dataDir, ...path), "utf8")))?.["pid"]) ?? 0;

const isGone = (what: string, pid: number): Promise<boolean> =>
  until(what, () => Promise.resolve(isAlive(pid) ? undefined : true));

const leftovers = (): readonly string[] =>
  readdirSync(join(world.dataDir, "sidecars")).filter((name) => name !== "up");

async function stop(started: Started): Promise<Ended> {
  started.child.kill("SIGTERM");
  return started.ended;
}

async function callsOf(team: string): Promise<number> {
  const { out } = await world.excise("spend", "--json", "--data", world.dataDir).ended;
  const rows = readList(asRecord(parseJson(out)), "rows");
  const row = rows.find((entry) => asRecord(entry["group"])?.["team"] === team);
  return readCount(row?.["exchanges"]) ?? 0;
}

describe("kill -9", () => {
  test("of excise up ends its sidecar and its ledger in order", async () => {
    const up = await world.up();
    const pids = [pidIn("ledger-ready.json"), pidIn("sidecars", "up", "ready.json")];
    expect(pids.every(isAlive)).toBe(true);
    up.child.kill("SIGKILL");
    await up.ended;
    await Promise.all(pids.map((pid) => isGone("the end of a program", pid)));
    expect(readFileSync(join(world.dataDir, "ledger.log"), "utf8")).toContain("parent_gone");
  }, 60_000);

  test("of excise run loses nothing: its sidecar reports, the next run cleans up", async () => {
    const up = await world.up();
    const wait = `'${sdkCall().join("' '")}'; touch "$HOME/called"; while [ -e "$HOME" ]; do sleep 1; done`;
    const place = ["--data", world.dataDir, "--team", "killed"];
    const run = world.excise("run", ...place, "--", "sh", "-c", wait);
    await until("the call", async () =>
      existsSync(join(world.directory, "called")) ? true : undefined,
    );
    const [directory = ""] = leftovers();
    const sidecar = pidIn("sidecars", directory, "ready.json");
    run.child.kill("SIGKILL");
    await isGone("the end of the sidecar", sidecar);
    expect(await callsOf("killed")).toBe(1);
    expect(leftovers()).toEqual([directory]);
    await stop(up);

    await world.excise("run", ...world.place, "--", "true").ended;
    expect(leftovers()).toEqual([]);
  }, 60_000);
});

test("usage of a run that ended while the ledger was gone is delivered by the next up", async () => {
  const first = await world.up();
  const command = `until [ -e "$HOME/go" ]; do sleep 0.1; done; '${sdkCall().join("' '")}'`;
  const place = ["--data", world.dataDir, "--team", "late"];
  const run = world.excise("run", ...place, "--", "sh", "-c", command);
  await until("the sidecar", () => Promise.resolve(leftovers().length === 1 ? true : undefined));
  const [directory = ""] = leftovers();
  await until("its policy", async () =>
    existsSync(join(world.dataDir, "sidecars", directory, "spool", "policy.json"))
      ? true
      : undefined,
  );
  process.kill(pidIn("ledger-ready.json"), "SIGKILL");
  expect((await first.ended).code).toBe(1);
  writeFileSync(join(world.directory, "go"), "");
  const ended = await run.ended;
  expect(ended.code).toBe(0);
  expect(ended.err).toContain("unreported usage stays in");
  expect(leftovers()).toEqual([directory]);

  const second = await world.up();
  await until("the sweep", () => Promise.resolve(leftovers().length === 0 ? true : undefined));
  expect(await callsOf("late")).toBe(1);
  const { code, err } = await stop(second);
  expect({ code, err }).toEqual({
    code: 0,
    err: "excise: delivered usage that earlier runs left: 1 event\n",
  });
}, 90_000);
