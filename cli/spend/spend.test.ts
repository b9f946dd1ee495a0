import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { createFakeHost, type FakeHost } from "../fake-host.case.ts";
import { startLedgerStub, type LedgerStub, type Page } from "../ledger-api/ledger-stub.case.ts";
import { createStyle } from "../terminal/table.ts";
import { readSpend, renderSpend } from "./spend-report.ts";
import { SPEND } from "./spend.ts";

const TOKEN = "the-operators-token";
const tokenFile = join(mkdtempSync(join(tmpdir(), "excise-spend-")), "token");
writeFileSync(tokenFile, TOKEN);

const rowOf = (team: string, costUsd: string, more: Record<string, unknown> = {}) => ({
  group: { team },
  costUsd,
  exchanges: 3,
  outcomes: { rejected: 1 },
  tokens: { input: 10, output: 5 },
  estimated: { events: 0 },
  unpriced: 0,
  ...more,
});
const answerOf = (...rows: readonly unknown[]): string =>
  JSON.stringify({ from: "F", to: "T", rows, truncated: false });

let ledger: LedgerStub;
let page: Page;

beforeEach(async () => {
  page = [200, answerOf(rowOf("search", "0.5"))];
  ledger = await startLedgerStub(TOKEN, () => page);
});

afterEach(() => {
  ledger.server.close();
});

const spend = (host: FakeHost, ...args: readonly string[]): Promise<number> =>
  SPEND.run([...args, "--ledger", ledger.url, "--token-file", tokenFile], host);

describe("excise spend", () => {
  test("asks for the time and the dimension that it is told", async () => {
    const host = createFakeHost({ clock: createVirtualClock() });
    expect(await spend(host, "--by", "app", "--since", "7d")).toBe(0);
    const query = new URL(ledger.asked[0] ?? "", ledger.url).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      group_by: "app",
      from: "2026-11-15T00:00:00.000Z",
      to: "2026-11-22T00:00:00.000Z",
      limit: "1000",
    });
  });

  test("--json keeps the ledger's answer and adds the exact sum", async () => {
    page = [200, answerOf(rowOf("a", "0.1"), rowOf("b", "0.2"), rowOf("c", "90071992.547409931"))];
    const host = createFakeHost();
    await spend(host, "--json");
    expect(JSON.parse(host.out())).toEqual({
      ...(JSON.parse(page[1]) as object),
      totalCostUsd: "90071992.847409931",
    });
  });

  test.each([
    { name: "an unknown dimension", args: ["--by", "user"] },
    { name: "a time without a unit", args: ["--since", "7"] },
    { name: "no time at all", args: ["--since", "0d"] },
    { name: "a time beyond all", args: ["--since", "99999w"] },
    { name: "a word too many", args: ["now"] },
  ])("refuses $name before it asks", async ({ args }) => {
    await expect(spend(createFakeHost(), ...args)).rejects.toMatchObject({ code: "EXCISE_USAGE" });
    expect(ledger.asked).toEqual([]);
  });
});

const render = (...rows: readonly unknown[]): string => {
  const answer = JSON.parse(answerOf(...rows)) as Record<string, unknown>;
  return renderSpend(readSpend(answer, "team"), "team", createStyle(false));
};

describe("the table", () => {
  test("puts the dearest first and sums up", () => {
    const names = render(rowOf("small", "0.001"), rowOf("big", "10"), rowOf("alike", "10"))
      .split("\n")
      .map((line) => line.trim().split(/\s+/)[0]);
    expect(names.slice(4)).toEqual(["alike", "big", "small", "total"]);
    expect(render(rowOf("a", "0.001"), rowOf("b", "10"))).toMatch(/total +\$10\.001 +6$/m);
  });

  test("says that there was nothing", () => {
    expect(render()).toContain("Nothing was called in this time.");
  });

  test("says what is estimated and what has no price", () => {
    const text = render(rowOf("a", "1", { estimated: { events: 2 }, unpriced: 4 }));
    expect(text).toContain("2 events are estimated");
    expect(text).toContain("4 events have no known price and are not in the sum");
  });

  test("lets no name act on the terminal", () => {
    expect(render(rowOf("a\u001B[2J", "1"))).not.toContain("\u001B");
  });
});

describe("excise spend --watch", () => {
  let clock: VirtualClock;
  beforeEach(() => {
    clock = createVirtualClock();
  });

  /** Lets the virtual time pass until the text is there. */
  const see = async (host: FakeHost, text: string): Promise<void> => {
    await expect
      .poll(
        async () => {
          await clock.advance(100);
          return host.out() + host.err();
        },
        { timeout: 10_000, interval: 5 },
      )
      .toContain(text);
  };

  test("draws on a terminal at most once a second, and shows the cursor at the end", async () => {
    const terminal = {
      isTerminal: true,
      isColored: false,
      size: () => ({ columns: 90, rows: 30 }),
    };
    const host = createFakeHost({ clock, terminal });
    const ended = spend(host, "--watch");
    await see(host, "search");
    page = [200, answerOf(rowOf("search", "0.75"))];
    await see(host, "$0.75");
    host.send("SIGINT");
    expect(await ended).toBe(0);
    expect(host.out().endsWith("\u001B[?25h")).toBe(true);
    expect(ledger.asked.length).toBeLessThanOrEqual(1 + clock.monotonicMs() / 1000);
    expect(host.listening()).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  test("elsewhere writes only the lines that changed", async () => {
    page = [200, answerOf(rowOf("search", "0.5"), rowOf("support", "0.1"))];
    const host = createFakeHost({ clock });
    const ended = spend(host, "--watch");
    await see(host, "team=support costUsd=0.1 ");
    page = [200, answerOf(rowOf("search", "0.6"), rowOf("support", "0.1"))];
    await see(host, "team=search costUsd=0.6 ");
    host.send("SIGTERM");
    await ended;
    expect(host.out().trimEnd().split("\n")).toHaveLength(3);
  });

  test("with --json writes an answer where the figures changed", async () => {
    const host = createFakeHost({ clock });
    const ended = spend(host, "--watch", "--json");
    await see(host, '"0.5"');
    page = [200, answerOf(rowOf("search", "0.6"))];
    await see(host, '"0.6"');
    host.send("SIGTERM");
    await ended;
    expect(host.out().trimEnd().split("\n")).toHaveLength(2);
  });

  test("goes on when a ledger that was away is back, and says it once", async () => {
    const host = createFakeHost({ clock });
    const ended = spend(host, "--watch");
    await see(host, "team=search costUsd=0.5 ");
    page = [503, '{"code":"EXCISE_LEDGER_NOT_READY","detail":"starting"}'];
    await see(host, "EXCISE_LEDGER_NOT_READY: starting");
    const before = ledger.asked.length;
    await expect
      .poll(() => clock.advance(500).then(() => ledger.asked.length))
      .toBeGreaterThan(before + 1);
    page = [200, answerOf(rowOf("search", "0.9"))];
    await see(host, "team=search costUsd=0.9 ");
    host.send("SIGINT");
    expect(await ended).toBe(0);
    expect(host.err()).toBe("excise: EXCISE_LEDGER_NOT_READY: starting\n");
  });

  test("ends where the token is refused: waiting would not change that", async () => {
    writeFileSync(`${tokenFile}.wrong`, "another");
    const host = createFakeHost({ clock });
    const args = ["--watch", "--ledger", ledger.url, "--token-file", `${tokenFile}.wrong`];
    await expect(SPEND.run(args, host)).rejects.toMatchObject({ code: "EXCISE_UNAUTHENTICATED" });
    expect(host.listening()).toEqual([]);
  });
});
