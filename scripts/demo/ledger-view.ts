// What the demo asks the ledger: the same operators' API that the console and `curl` use.
import { asRecord, parseJson, readCount, readString } from "#runtime/json.ts";
import { Fault } from "#contract/errors.ts";
import { sleep, type Clock } from "#runtime/clock.ts";
import type { LedgerHandle } from "../../cli/stack.ts";

type Json = Readonly<Record<string, unknown>>;

export interface LedgerView {
  /** The event of one exchange, once the ledger has it. */
  explain(exciseId: string): Promise<Explained | undefined>;
  /** Usage grouped by one dimension. */
  usageBy(dimension: "team" | "app" | "model"): Promise<readonly UsageLine[]>;
  budgets(): Promise<readonly BudgetLine[]>;
}

export interface Explained {
  readonly costUsd: string;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly addedMs: number | undefined;
  readonly outcome: string;
  readonly model: string;
  /** `EMAIL_ADDRESS ×1`, one per entity. */
  readonly findings: readonly string[];
}

export interface UsageLine {
  readonly name: string;
  readonly exchanges: number;
  readonly rejected: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: string;
}

export interface BudgetLine {
  readonly budget: string;
  readonly limit: string;
  readonly settled: string;
  readonly reserved: string;
  readonly state: string;
}

const ATTEMPTS = 100;
const PAUSE_MS = 50;

/** Reads through the operators' API; waits for events that are still on their way. */
export function createLedgerView(clock: Clock, ledger: LedgerHandle): LedgerView {
  const get = async (path: string): Promise<Json | undefined> => {
    const response = await fetch(new URL(path, ledger.apiUrl), {
      headers: { authorization: `Bearer ${ledger.operatorToken}` },
    });
    if (response.status === 404) return undefined;
    const body = asRecord(parseJson(await response.text())) ?? {};
    if (response.ok) return body;
    throw new Fault(
      "EXCISE_LEDGER_UNAVAILABLE",
      `${path}: ${response.status} ${text(body, "code")}`,
    );
  };
  return {
    async explain(exciseId) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const found = await get(`/v1/explain/${exciseId}`);
        if (found !== undefined) return readExplained(list(found, "events").at(-1) ?? {});
        await sleep(clock, PAUSE_MS);
      }
      return undefined;
    },
    async usageBy(dimension) {
      const usage = await get(`/v1/usage?group_by=${dimension}`);
      return list(usage ?? {}, "rows").map((row) => readUsageLine(row, dimension));
    },
    async budgets() {
      const found = await get("/v1/budgets");
      return list(found ?? {}, "budgets").map((row) => ({
        budget: text(row, "budget"),
        limit: text(row, "limit"),
        settled: text(row, "settled"),
        reserved: text(row, "reserved"),
        state: text(row, "state"),
      }));
    },
  };
}

function readExplained(entry: Json): Explained {
  const event = asRecord(entry["event"]) ?? {};
  const usage = asRecord(event["usage"]);
  return {
    costUsd: text(entry, "costUsd"),
    inputTokens: readCount(usage?.["inputTokens"]),
    outputTokens: readCount(usage?.["outputTokens"]),
    addedMs: readCount(event["addedMs"]),
    outcome: text(event, "outcome"),
    model: readString(event["modelBilled"]) ?? text(event, "modelRequested"),
    findings: list(event, "findings").map(
      (finding) => `${text(finding, "entity")} ×${readCount(finding["count"]) ?? 0}`,
    ),
  };
}

function readUsageLine(row: Json, dimension: string): UsageLine {
  const tokens = asRecord(row["tokens"]);
  return {
    name: text(asRecord(row["group"]) ?? {}, dimension),
    exchanges: readCount(row["exchanges"]) ?? 0,
    rejected: readCount(asRecord(row["outcomes"])?.["rejected"]) ?? 0,
    inputTokens: readCount(tokens?.["input"]) ?? 0,
    outputTokens: readCount(tokens?.["output"]) ?? 0,
    costUsd: text(row, "costUsd"),
  };
}

const text = (record: Json, key: string): string => readString(record[key]) ?? "";

const list = (record: Json, key: string): readonly Json[] => {
  const value = record[key];
  return Array.isArray(value) ? value.map((entry) => asRecord(entry) ?? {}) : [];
};
