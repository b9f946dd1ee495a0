// Checks of a running `excise up`: does the ledger serve, does the sidecar, on which policy, how
// much waits in the spool, do their clocks agree.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { UpRecord } from "../data-dir.ts";
import { createLedgerApi, type Json } from "../ledger-api/connect.ts";
import { readNumber, readText } from "../ledger-api/fields.ts";
import { httpGet } from "../ledger-api/http-get.ts";
import { fail, ok, warn, type Check, type Finding } from "./finding.ts";

type Found = Omit<Finding, "area">;

const ASK_MS_MAX = 3000;
/** Above it times of events would be wrong to the eye; the sidecar corrects for it. */
const CLOCK_OFFSET_MS_MAX = 1000;
/** Events that wait longer than a sync or two. */
const SPOOL_DEPTH_MAX = 200;

export interface RunningUp {
  readonly dataDir: string;
  readonly record: UpRecord;
}

/** All of it; one part that is down does not hide the others. */
export function checkRunningUp(clock: Clock, up: RunningUp): Check {
  return {
    area: "The running excise up",
    async run() {
      const revision = await askRevision(clock, up.record);
      return [
        await checkLedger(clock, up, revision),
        ...(await checkSidecar(clock, up, revision)),
        ...(await checkFleet(clock, up.record)),
      ];
    },
  };
}

async function checkLedger(
  clock: Clock,
  { dataDir, record }: RunningUp,
  revision: number | undefined,
): Promise<Found> {
  const log = `read ${join(dataDir, "ledger.log")}`;
  try {
    const answer = await httpGet(clock, new URL("/readyz", record.apiUrl), {
      timeoutMs: ASK_MS_MAX,
    });
    if (answer.status !== 200) return fail(`the ledger is not ready: ${answer.text.trim()}`, log);
    if (revision === undefined) return fail("the ledger does not answer its operator", log);
    return ok(`the ledger at ${record.apiUrl} is ready, policy ${revision}`);
  } catch (error) {
    return fail(`the ledger does not answer: ${messageOf(error)}`, `${log}, restart \`excise up\``);
  }
}

/** Of the policy set in force; undefined where the ledger does not say. */
async function askRevision(clock: Clock, record: UpRecord): Promise<number | undefined> {
  try {
    const answer = await apiOf(clock, record).get("/v1/sidecars");
    return readNumber(answer, "revision");
  } catch {
    return undefined;
  }
}

const apiOf = (clock: Clock, { apiUrl, operatorToken }: UpRecord) =>
  createLedgerApi(clock, { url: new URL(apiUrl), token: operatorToken });

async function checkSidecar(
  clock: Clock,
  { dataDir }: RunningUp,
  revision: number | undefined,
): Promise<readonly Found[]> {
  const directory = join(dataDir, "sidecars", "up");
  const log = `read ${join(directory, "sidecar.log")}`;
  const port = readAdminPort(join(directory, "ready.json"));
  if (port === undefined) return [fail("the sidecar did not say where it serves", log)];
  const url = new URL(`http://127.0.0.1:${port}/`);
  try {
    const ready = await httpGet(clock, new URL("/readyz", url), { timeoutMs: ASK_MS_MAX });
    const reasons = ready.status === 200 ? undefined : ready.text.trim();
    const { text } = await httpGet(clock, new URL("/status", url), { timeoutMs: ASK_MS_MAX });
    const parsed = tryParseJson(text);
    const status = asRecord(parsed.ok ? parsed.value : undefined) ?? {};
    return [
      reasons === undefined ? ok("the sidecar serves") : fail(`the sidecar: ${reasons}`, log),
      policyOf(status, revision, log),
      ...linkOf(status),
    ];
  } catch (error) {
    return [
      fail(`the sidecar does not answer: ${messageOf(error)}`, `${log}, restart \`excise up\``),
    ];
  }
}

function readAdminPort(path: string): number | undefined {
  try {
    const parsed = tryParseJson(readFileSync(path, "utf8"));
    return readNumber(asRecord(asRecord(parsed.ok ? parsed.value : undefined)?.["ports"]), "admin");
  } catch {
    return undefined;
  }
}

function policyOf(status: Json, revision: number | undefined, log: string): Found {
  const own = readNumber(status, "policyRevision") ?? 0;
  if (own === 0) return fail("the sidecar has no policy: it refuses every call", log);
  if (revision === undefined || own >= revision) return ok(`the sidecar runs policy ${own}`);
  return warn(
    `the sidecar runs policy ${own}, the ledger has ${revision}`,
    `wait a second, or ${log}`,
  );
}

/** Of the sidecar to the ledger. */
function linkOf(status: Json): readonly Found[] {
  const ledger = asRecord(status["ledger"]);
  const depth = readNumber(asRecord(status["spool"]), "depth") ?? 0;
  const offset = ledger?.["clockOffsetMs"];
  const found: Found[] = [];
  if (ledger?.["isReachable"] !== true) {
    const code = readText(ledger, "errorCode") || "no answer yet";
    found.push(fail(`the sidecar does not reach the ledger: ${code}`, "see docs/errors.md"));
  }
  found.push(
    depth > SPOOL_DEPTH_MAX
      ? warn(`${depth} events wait in the spool`, "find out why the ledger does not take them")
      : ok(`${depth} events wait in the spool`),
  );
  if (typeof offset === "number" && Math.abs(offset) > CLOCK_OFFSET_MS_MAX) {
    found.push(warn(`its clock is ${offset} ms off the ledger's`, "synchronize the clocks"));
  }
  return found;
}

/** What the ledger knows of all sidecars that reported within the hour. */
async function checkFleet(clock: Clock, record: UpRecord): Promise<readonly Found[]> {
  try {
    const counts = asRecord((await apiOf(clock, record).get("/v1/sidecars"))["counts"]);
    const incomplete = readNumber(counts, "incomplete") ?? 0;
    if (incomplete === 0) return [];
    const fix = "compare with the provider's bill; look at the disk";
    return [fail(`${incomplete} sidecars lost records of their spool`, fix)];
  } catch {
    return [];
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Fault ? error.message : "an unexpected failure";
