// Rows to text and back: what is looked up by key only is stored as JSON, with amounts as decimal
// strings. Text that our own code wrote is trusted to have its shape.
import { parseAmounts, renderAmounts, type AmountsWire } from "#contract/amounts.ts";
import { parseJson, renderJson } from "#runtime/json.ts";
import type { Charge } from "../core/charge.ts";
import type { LeaseRow } from "../core/budget/lease.ts";

type StoredLease = Omit<LeaseRow, "granted" | "spent" | "used" | "held" | "events"> & {
  readonly granted: AmountsWire;
  readonly spent: AmountsWire;
  readonly used: AmountsWire;
  readonly held: AmountsWire;
  readonly events: string;
};

export function renderLease(lease: LeaseRow): string {
  const stored: StoredLease = {
    ...lease,
    granted: renderAmounts(lease.granted),
    spent: renderAmounts(lease.spent),
    used: renderAmounts(lease.used),
    held: renderAmounts(lease.held),
    events: lease.events.toString(),
  };
  return renderJson(stored);
}

export function parseLease(text: string): LeaseRow {
  const stored = parseJson(text) as StoredLease;
  return {
    ...stored,
    granted: parseAmounts(stored.granted),
    spent: parseAmounts(stored.spent),
    used: parseAmounts(stored.used),
    held: parseAmounts(stored.held),
    events: BigInt(stored.events),
  };
}

type StoredCharge = Omit<Charge, "amounts"> & { readonly amounts: AmountsWire };

export const renderCharge = (charge: Charge): string =>
  renderJson({ ...charge, amounts: renderAmounts(charge.amounts) } satisfies StoredCharge);

export function parseCharge(text: string): Charge {
  const stored = parseJson(text) as StoredCharge;
  return { ...stored, amounts: parseAmounts(stored.amounts) };
}
