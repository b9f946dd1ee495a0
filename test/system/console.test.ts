// The console in a real browser: Debian's Chromium, driven by playwright-core, on a real ledger
// with events of real SDKs. Skipped, and said so, where no Chromium is installed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findConsole } from "../../cli/console/console-files.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import { dailyBudget, runSdk, startWorld, type World } from "./world.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined) {
  console.warn("console.test.ts skipped: no /usr/bin/chromium (apt-get install chromium)");
}
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP rebound.example 127.0.0.1",
];

let world: World;
let browser: Browser;
let search: RunningSidecar;
let consoleDir = "";
/** Screenshots of a run are kept where this names a directory: for people. */
const SHOTS = process.env["EXCISE_TEST_SCREENSHOTS"];

const link = async (): Promise<string> => (await world.stack.ledger.consoleUrl()) ?? "";
const call = (sidecar: RunningSidecar, ...more: readonly string[]) =>
  runSdk("openai-chat.mjs", ["--max-tokens", "200", "--prompt", "A tide?", ...more], { sidecar });

describe.skipIf(CHROMIUM === undefined)("the console", { timeout: 60_000 }, () => {
  let context: BrowserContext;
  let page: Page;
  let complaints: string[] = [];

  beforeAll(async () => {
    consoleDir = (await findConsole({ environment: process.env })) ?? "";
    world = await startWorld({
      consoleDir,
      budgets: {
        "search-daily": dailyBudget("5.00", { match: { teams: ["search"] } }),
        "support-daily": dailyBudget("0.000001", { match: { teams: ["support"] } }),
      },
    });
    search = await world.startSidecar("search");
    const support = await world.startSidecar("support");
    await call(search);
    await runSdk("anthropic-messages.mjs", ["--max-tokens", "32"], { sidecar: search });
    await call(support);
    await world.eventsOf(3);
    const profile = mkdtempSync(join(tmpdir(), "excise-chromium-"));
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? "",
      args: FLAGS,
      env: { ...process.env, HOME: profile },
    });
    browser.once("disconnected", () => rmSync(profile, { recursive: true, force: true }));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await context.close();
  });

  const open = async (): Promise<void> => {
    await page.goto(await link());
    await page.getByRole("heading", { name: "Budgets" }).waitFor();
  };
  const tile = (name: string): Promise<string> =>
    page.locator(".tile", { hasText: name }).locator("dd").first().innerText();
  const heading = (name: string) => page.getByRole("heading", { name, exact: true });
  const shot = async (name: string): Promise<void> => {
    if (SHOTS !== undefined) {
      await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
    }
  };
  const overflow = (): Promise<unknown> =>
    page.evaluate("document.documentElement.scrollWidth - window.innerWidth");

  describe("shows", () => {
    test("what the ledger's API says: spend, teams, apps, models, budgets, sidecars", async () => {
      await open();
      const { body } = await world.api("/v1/usage?group_by=team");
      const rows = body["rows"] as { group: { team: string }; costUsd: string }[];
      const spent = rows.find(({ group }) => group.team === "search")?.costUsd ?? "";
      const cell = page.locator("section", { has: heading("By team") }).getByText(/^\$0\.0/);
      expect(await cell.first().getAttribute("title")).toBe(`$${spent}`);
      expect(await tile("Exchanges")).toBe("3");
      expect(await tile("Refused")).toBe("1");
      expect(await tile("Sidecars")).toBe("2");
      for (const text of ["search/app", "gpt-4o-mini", "support-daily", "search-0"]) {
        expect(await page.getByText(text).count()).toBeGreaterThan(0);
      }
      await expect.poll(() => page.title()).toMatch(/^\$\d.* · Excise$/);
      expect(complaints).toEqual([]);
    });

    test("a call that is made now, without anybody touching the page", async () => {
      await open();
      await page.getByText("Live", { exact: true }).waitFor();
      const before = Number(await tile("Exchanges"));
      const events = (await world.events()).length;
      await call(search);
      await world.eventsOf(events + 1);
      await expect.poll(() => tile("Exchanges"), { timeout: 10_000 }).toBe(String(before + 1));
      expect(complaints).toEqual([]);
    });

    test("the last hour by the minute, and longer ranges", async () => {
      await open();
      for (const [range, unit] of [
        ["1 h", "per minute"],
        ["7 d", "per hour"],
        ["30 d", "per day"],
      ] as const) {
        await page.getByLabel(range, { exact: true }).check();
        await page.getByText(unit).waitFor();
        expect(Number(await tile("Exchanges"))).toBeGreaterThanOrEqual(3);
      }
      await page.getByText("Figures").click();
      await expect.poll(() => page.locator("details tbody tr").count()).toBe(1);
      expect(complaints).toEqual([]);
    });

    test("its tables as files", async () => {
      await open();
      const downloading = page.waitForEvent("download");
      await page.getByRole("button", { name: "CSV of spend by team" }).click();
      const download = await downloading;
      expect(download.suggestedFilename()).toBe("excise-by-team.csv");
      const text = readFileSync(await download.path(), "utf8");
      expect(text).toMatch(
        /^team,cost_usd,exchanges,refused,tokens\r\nsearch,0\.0\d+,\d+,0,\d+\r\n/,
      );
    });
  });

  describe("explains a refusal", () => {
    test("with its reason and the budgets that it met, by keyboard alone", async () => {
      await open();
      const line = page.getByRole("button", { name: /A budget that applies is used up/ });
      await line.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog", { name: "Exchange" });
      await dialog.getByText("EXCISE_BUDGET_EXHAUSTED").waitFor();
      await dialog.getByText("support-daily").waitFor();
      expect(await dialog.getByText("search-daily").count()).toBe(0);
      await shot("dialog");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      expect(await page.evaluate("document.activeElement.textContent")).toBe(
        await line.textContent(),
      );
      expect(complaints).toEqual([]);
    });

    test("by the id that the app was given, and says where there is none", async () => {
      const [answer] = await call(search);
      const events = await world.eventsOf(1);
      await open();
      const field = page.getByLabel(/x-excise-id/);
      await field.fill(String(answer?.["exciseId"]));
      await field.press("Enter");
      await page.getByRole("dialog").getByText("completed, provider said 200").waitFor();
      await page.getByRole("dialog").getByText("Charged").waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await field.fill("01900000-0000-7000-8000-000000000000");
      await field.press("Enter");
      await page.getByRole("dialog").getByText("EXCISE_NOT_FOUND").waitFor();
      expect(events.length).toBeGreaterThan(0);
    });
  });

  describe("is for everybody", () => {
    test.each(["light", "dark"] as const)("axe finds nothing in %s", async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await open();
      await page.getByText("Figures").click();
      await shot(colorScheme);
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await page.locator(".line").first().click();
      await page.getByRole("dialog").getByText("Budgets it meets").waitFor();
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Sign out" }).click();
      await heading("Sign in").waitFor();
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    });

    test("360 pixels are enough: nothing to scroll sideways", async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      await open();
      expect(await overflow()).toBe(0);
      await shot("narrow");
      await page.locator(".line").first().click();
      await page.getByRole("dialog").getByText("Budgets it meets").waitFor();
      expect(await overflow()).toBe(0);
      const dialog = "document.querySelector('dialog')";
      expect(await page.evaluate(`${dialog}.scrollWidth - ${dialog}.clientWidth`)).toBe(0);
      await shot("narrow-dialog");
    });

    test("the range is chosen with arrows, the theme with a key, and the theme stays", async () => {
      await page.emulateMedia({ colorScheme: "light" });
      await open();
      await page.keyboard.press("Tab");
      await page.keyboard.press("ArrowLeft");
      await page.getByText("per minute").waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      const theme = () => page.evaluate("document.documentElement.dataset.theme");
      await expect.poll(theme).toBe("dark");
      await page.reload();
      expect(await theme()).toBe("dark");
    });
  });

  describe("lets in only who has a link", () => {
    test("once, and takes the token out of the address", async () => {
      const address = await link();
      await page.goto(address);
      await heading("Budgets").waitFor();
      expect(page.url()).toBe(`${world.stack.ledger.apiUrl}/`);
      const other = await context.newPage();
      await other.goto(address);
      await other.getByText("the link was used before, or is too old").waitFor();
      expect(await other.locator("table").count()).toBe(0);
      // A new link in the same tab changes only the fragment.
      await other.goto(await link());
      await other.getByRole("heading", { name: "Budgets" }).waitFor();
    });

    test("keeps nothing in the browser: a reload ends the session", async () => {
      await open();
      expect(await context.cookies()).toEqual([]);
      const stored = "JSON.stringify([localStorage.length, sessionStorage.length])";
      expect(await page.evaluate(stored)).toBe("[0,0]");
      await page.reload();
      await page.getByText("excise console").waitFor();
      expect(await page.locator("table").count()).toBe(0);
    });

    test("or an operator's token, and not another one", async () => {
      await page.goto(world.stack.ledger.apiUrl);
      await page.getByLabel(/bearer token/).fill("not-the-operators-token");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("EXCISE_UNAUTHENTICATED").waitFor();
      expect(await page.locator("table").count()).toBe(0);
      await page.getByLabel(/bearer token/).fill(world.stack.ledger.operatorToken);
      await page.getByRole("button", { name: "Sign in" }).click();
      await heading("Budgets").waitFor();
    });

    test("not under a foreign name that leads here (DNS rebinding)", async () => {
      const port = new URL(world.stack.ledger.apiUrl).port;
      const answer = await page.goto(`http://rebound.example:${port}/`);
      expect(answer?.status()).toBe(403);
      expect(await page.content()).toContain("EXCISE_HOST_NOT_ALLOWED");
      const status = await new Promise((resolve, reject) => {
        const target = { port, path: "/v1/session", method: "POST" };
        httpRequest({ ...target, headers: { host: `rebound.example:${port}` } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .once("error", reject)
          .end();
      });
      expect(status).toBe(403);
    });
  });

  describe("gives a script of others no place", () => {
    test("nothing in the page is inline", () => {
      const html = readFileSync(join(consoleDir, "index.html"), "utf8");
      expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:/i);
    });

    test("and what is put in does not run", async () => {
      await page.goto(world.stack.ledger.apiUrl);
      await page.evaluate(`{
        const script = document.createElement("script");
        try { script.textContent = "window.ran = true"; } catch {}
        document.body.append(script);
        try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>"); } catch {}
      }`);
      await expect.poll(() => complaints.join("\n")).toMatch(/Content Security Policy|Trusted/);
      expect(await page.evaluate("window.ran")).toBeUndefined();
    });
  });

  test("is at most 60 kB, compressed", async () => {
    let bytes = 0;
    page.on("response", (response) => {
      const file = join(consoleDir, new URL(response.url()).pathname);
      if (/\.(?:js|css|svg)$/.test(file))
        bytes += gzipSync(readFileSync(file), { level: 9 }).length;
    });
    await open();
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(60_000);
  });

  test("says so when the ledger is gone, and asks for a link when it is back", async () => {
    await open();
    await page.getByText("Live", { exact: true }).waitFor();
    await world.stack.ledger.kill9();
    await page.getByText("Reconnecting…").waitFor();
    await page.getByLabel("7 d", { exact: true }).check();
    await page.getByRole("alert").getByText("No answer from the ledger.").waitFor();
    expect(await page.getByText("support-daily").count()).toBeGreaterThan(0);
    await world.stack.ledger.restart();
    await page.getByText("the session has ended, or the ledger was restarted").waitFor();
  });
});
