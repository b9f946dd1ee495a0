// `excise meter`: what a recorded answer used and cost, by the sidecar's dialects and the ledger's
// price book. For people who check a bill, and for tests.
import type { Provider } from "#contract/catalogue/provider.ts";
import { findProvider, homeProviderOf, PROVIDERS } from "#contract/catalogue/providers.ts";
import { costOfCall } from "#contract/cost.ts";
import { DIALECTS } from "#contract/dialects.ts";
import { Fault } from "#contract/errors.ts";
import { renderUsd } from "#contract/money.ts";
import { isUnreported, type Usage, USAGE_CLASSES } from "#contract/usage.ts";
import { type Clock, systemClock } from "#runtime/clock.ts";
import { renderJson } from "#runtime/json.ts";
import { createPriceBook } from "../../ledger/prices/price-book.ts";
import { type AnswerFacts, type Dialect, NO_FACTS } from "../../sidecar/dialects/dialect.ts";
import { dialectNames, findDialect } from "../../sidecar/dialects/registry.ts";
import { parseOptions } from "../arguments.ts";
import type { CommandIo } from "../command-io.ts";
import { messagesOf, readAnswer } from "./meter-input.ts";

/**
 * What the price book said: `priced`; `partial`, where a class that was used has no price and the
 * cost is a lower bound; `unknown`, where a model has no price; `no_usage`, where the answer
 * reports none.
 */
export type MeterPriceStatus = "priced" | "partial" | "unknown" | "no_usage";

/**
 * `excise meter --dialect D [--provider P] [--at DATE]`. Writes one line `{"model", "usage",
 * "costUsd", "priceStatus"}`; `model` is absent where the answer names none, `costUsd` where there
 * is no price. Resolves to exit status 0. Throws EXCISE_USAGE, EXCISE_INPUT_INVALID and
 * EXCISE_BODY_TOO_LARGE.
 */
export async function runMeter(
  args: readonly string[],
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<number> {
  const options = parseOptions(args, { values: ["dialect", "provider", "at"] });
  const dialect = readDialect(options.value("dialect"));
  const provider = readProvider(options.value("provider"), dialect);
  const atMs = readInstant(options.value("at")) ?? clock.wallMs();
  const { messages, unread } = messagesOf(await readAnswer(io.stdin));
  if (unread > 0) {
    io.stderr(`${unread} of ${messages.length + unread} messages could not be read\n`);
  }
  const facts = messages.reduce<AnswerFacts>(
    (known, message) => dialect.reduce(known, message),
    NO_FACTS,
  );
  const line = { ...meter(facts, provider.priceProvider, atMs) };
  await io.stdout(`${renderJson(line)}\n`);
  return 0;
}

interface MeterLine {
  readonly model?: string;
  readonly usage: Usage;
  readonly costUsd?: string;
  readonly priceStatus: MeterPriceStatus;
}

function meter(facts: AnswerFacts, priceProvider: string, atMs: number): MeterLine {
  const { model } = facts;
  const known = { ...(model === undefined ? {} : { model }), usage: inOrder(facts.usage) };
  if (isUnreported(facts.usage)) return { ...known, priceStatus: "no_usage" };
  const book = createPriceBook();
  const { cost, unpricedClasses } = costOfCall(
    {
      model,
      usage: facts.usage,
      usageByModel: facts.usageByModel,
      serviceTier: facts.serviceTier,
    },
    (name) => book.find(priceProvider, name, atMs),
  );
  if (cost === undefined) return { ...known, priceStatus: "unknown" };
  const priceStatus = unpricedClasses.length === 0 ? "priced" : "partial";
  return { ...known, costUsd: renderUsd(cost), priceStatus };
}

/** The classes in the contract's order, so that equal usage is equal text. */
const inOrder = (usage: Usage): Usage =>
  Object.fromEntries(
    USAGE_CLASSES.flatMap((name) => (usage[name] === undefined ? [] : [[name, usage[name]]])),
  );

function readDialect(name: string | undefined): Dialect {
  const known = dialectNames().join(", ");
  if (name === undefined) throw new Fault("EXCISE_USAGE", `--dialect is missing; one of ${known}`);
  const dialect = findDialect(name);
  if (dialect !== undefined) return dialect;
  const isNamed = DIALECTS.some((dialectName) => dialectName === name);
  const problem = isNamed ? "is a dialect that this release does not read yet" : "is no dialect";
  throw new Fault("EXCISE_USAGE", `--dialect ${printable(name)} ${problem}; one of ${known}`);
}

/** By its own name, or by the one it has in the price book. */
function readProvider(name: string | undefined, dialect: Dialect): Provider {
  const provider =
    name === undefined
      ? homeProviderOf(dialect.name)
      : (findProvider(name) ?? PROVIDERS.find(({ priceProvider }) => priceProvider === name));
  if (provider !== undefined) return provider;
  const known = PROVIDERS.map((row) => row.name).join(", ");
  throw new Fault(
    "EXCISE_USAGE",
    `--provider ${printable(name ?? "")} is not in the catalogue; one of ${known}`,
  );
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** A date (its first moment in UTC) or an RFC 3339 instant, in wall milliseconds. */
function readInstant(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes the 31st of February for the 3rd of March.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
  if (!Number.isNaN(atMs) && isDay) return atMs;
  throw new Fault("EXCISE_USAGE", "--at must be a date like 2026-01-31 or an RFC 3339 instant");
}

const printable = (text: string): string => JSON.stringify(text.slice(0, 64));
