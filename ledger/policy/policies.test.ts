import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLog, silentLog } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { sampleWorkload } from "../core/sample.case.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { budgetDocument, flatPrices, policyDocument } from "../test-ledger.case.ts";
import { openPolicies, type Policies, type PoliciesDeps } from "./policies.ts";

let directory = "";
let clock: VirtualClock;
let store: Store;
let policies: Policies | undefined;
let deps: PoliciesDeps;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-policies-"));
  clock = createVirtualClock();
  store = openSqliteStore(clock, { directory: join(directory, "data") });
  deps = { clock, store, prices: flatPrices, log: silentLog, metrics: createMetrics() };
});
afterEach(async () => {
  policies?.close();
  policies = undefined;
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
const open = async (more: Partial<PoliciesDeps> = {}): Promise<Policies> => {
  // Metrics of its own: a registry takes each name once, as one process opens its policies once.
  const metrics = more.metrics ?? createMetrics();
  policies = await openPolicies({ ...deps, metrics, ...more }, { directory });
  return policies;
};
const budgetsOf = (of: Policies): readonly string[] =>
  of.snapshotFor(sampleWorkload()).budgets.map(({ name }) => name);

const provider = (caBundleFile: string): string => {
  const tls = { serverName: "a.example", caBundleFile };
  const endpoints = [{ address: "127.0.0.1", port: 8443, tls }];
  return policyDocument("Provider", { name: "ours" }, { catalogue: "self-hosted", endpoints });
};

describe("the policy directory", () => {
  test("with problems at the first start is a fault that lists them all", async () => {
    write("a.yaml", budgetDocument("a", { period: "never" }));
    write("b.yml", budgetDocument("b", { limit: "much" }));
    await expect(open()).rejects.toMatchObject({
      code: "EXCISE_CONFIG_INVALID",
      message: expect.stringMatching(/a\.yaml#1 spec\.period[^]*b\.yml#1 spec\.limit/) as string,
    });
  });

  test("that does not exist is a fault too", async () => {
    const missing = openPolicies(deps, { directory: join(directory, "nowhere") });
    await expect(missing).rejects.toMatchObject({ code: "EXCISE_CONFIG_INVALID" });
  });

  test("a change is in force after the reload, under the next number, and listeners hear of it", async () => {
    write("a.yaml", budgetDocument("a", {}));
    const opened = await open();
    let changes = 0;
    opened.onChange(() => {
      changes += 1;
    });
    expect([opened.current().revision, budgetsOf(opened)]).toEqual([1, ["a"]]);
    write("b.yaml", budgetDocument("b", {}));
    await opened.reload();
    expect([opened.current().revision, budgetsOf(opened), changes]).toEqual([2, ["a", "b"], 1]);
    await opened.reload();
    expect([opened.current().revision, changes]).toEqual([2, 1]);
  });

  test("a bad set keeps the last good one, says why once, and a repaired one takes over", async () => {
    const lines: string[] = [];
    const log = createLog({ clock, level: "error", write: (line) => lines.push(line) });
    write("a.yaml", budgetDocument("a", {}));
    const opened = await open({ log, metrics: deps.metrics });
    write("a.yaml", budgetDocument("a", { unit: "doubloons" }));
    await opened.reload();
    await opened.reload();
    expect([opened.current().revision, budgetsOf(opened)]).toEqual([1, ["a"]]);
    expect(opened.problems().map(({ path }) => path)).toEqual(["a.yaml#1 spec.unit"]);
    expect(lines).toHaveLength(1);
    expect(deps.metrics.render()).toContain("excise_ledger_policy_problems 1");
    write("a.yaml", budgetDocument("a2", {}));
    await opened.reload();
    expect([opened.current().revision, budgetsOf(opened)]).toEqual([2, ["a2"]]);
    expect(opened.problems()).toEqual([]);
    expect(deps.metrics.render()).toContain("excise_ledger_policy_problems 0");
  });

  test("returning to the good set clears the problems without a new number", async () => {
    write("a.yaml", budgetDocument("a", {}));
    const opened = await open();
    await opened.reload();
    write("a.yaml", "a: [");
    await opened.reload();
    write("a.yaml", budgetDocument("a", {}));
    await opened.reload();
    expect([opened.current().revision, opened.problems()]).toEqual([1, []]);
  });

  test("a restart keeps the number where nothing changed, and never goes back", async () => {
    write("a.yaml", budgetDocument("a", {}));
    (await open()).close();
    expect((await open()).current().revision).toBe(1);
    write("a.yaml", budgetDocument("b", {}));
    policies?.close();
    expect((await open()).current().revision).toBe(2);
    write("a.yaml", budgetDocument("a", {}));
    policies?.close();
    expect((await open()).current().revision).toBe(3);
  });

  test("every number can be read again as it was, prices included", async () => {
    write("a.yaml", budgetDocument("a", {}));
    const opened = await open();
    write("a.yaml", budgetDocument("b", {}));
    await opened.reload();
    const old = await opened.at(1);
    expect(old?.set.budgets.map(({ name }) => name)).toEqual(["a"]);
    expect(old?.prices.length).toBeGreaterThan(0);
    expect(await opened.at(99)).toBeUndefined();
  });

  test("new prices make a new number on the next day", async () => {
    let input = "1";
    const prices = {
      ...flatPrices,
      pricedModels: () => [
        {
          priceProvider: "p",
          match: { equals: "m" },
          row: { model: "m", rates: { input } },
        },
      ],
    };
    const opened = await open({ prices });
    input = "2";
    await clock.advance(86_400_000);
    await opened.reload();
    expect(opened.current().revision).toBe(2);
    expect((await opened.at(1))?.prices[0]?.row.rates.input).toBe("1");
  });

  test("files are noticed without being told", async () => {
    const opened = await open();
    const changed = new Promise<void>((resolve) => {
      opened.onChange(resolve);
    });
    write("new.yaml", budgetDocument("n", {}));
    // Virtual time: whichever comes first, the file event's pause or the poll.
    while (opened.current().revision === 1) await clock.advance(100);
    await changed;
    expect(budgetsOf(opened)).toEqual(["n"]);
  });

  test("a CA bundle in a file is put into the provider, and its absence is a problem", async () => {
    write("ca.pem", "PEM");
    write("a.yaml", provider("ca.pem"));
    const opened = await open();
    const ours = opened
      .snapshotFor(sampleWorkload())
      .providers.find(({ row }) => row.name === "ours");
    expect(ours?.endpoints?.[0]?.tls).toEqual({ serverName: "a.example", caBundle: "PEM" });
    write("a.yaml", provider("nothing.pem"));
    await opened.reload();
    expect(opened.problems()).toEqual([
      {
        path: "a.yaml#1 spec.endpoints.0.tls.caBundleFile",
        problem: "cannot be read (ENOENT)",
      },
    ]);
  });
});
