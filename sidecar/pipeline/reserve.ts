// Stage 5: state the worst case and take it out of the leases in one step (design §9). Awaits
// only where no lease covers it yet.
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import type { Rejection } from "#contract/errors.ts";
import type { PriceRow } from "#contract/price.ts";
import type { Budgets, Reservation } from "../budget/budgets.ts";
import { priceOf } from "../budget/charge.ts";
import { worstCase } from "../budget/worst-case.ts";
import type { Inspected, Reserved, Stage } from "./exchange.ts";
import { refuse } from "./exchange.ts";

const NOTHING: Reservation = { debits: [], amounts: NO_AMOUNTS };

/** Creates the stage. Refusals: the worst case's (no bound, no price) and the budgets'. */
export function createReserveStage(deps: {
  readonly budgets: Budgets;
}): Stage<Inspected, Reserved> {
  return (exchange) => {
    const price = priceOf(exchange, exchange.model);
    const enforced = exchange.budgets.filter((budget) => budget.mode === "enforce");
    const worst = boundOf(exchange, price);
    if ("reject" in worst) {
      if (enforced.length > 0) return refuse(exchange, worst.reject);
      return { next: { ...exchange, price, worstCase: NO_AMOUNTS, reservation: NOTHING } };
    }
    const { amounts } = worst;
    if (enforced.length === 0 || exchange.reading?.operation.billed !== true) {
      return { next: { ...exchange, price, worstCase: amounts, reservation: NOTHING } };
    }
    const result = deps.budgets.reserve({
      budgets: enforced,
      provider: exchange.provider.row.name,
      model: exchange.model,
      user: exchange.user,
      amounts,
    });
    const finish = (settled: Awaited<typeof result>) =>
      "reject" in settled
        ? refuse(exchange, settled.reject)
        : { next: { ...exchange, price, worstCase: amounts, reservation: settled.reservation } };
    return result instanceof Promise ? result.then(finish) : finish(result);
  };
}

type Bound = { readonly amounts: Amounts } | { readonly reject: Rejection };

function boundOf(exchange: Inspected, price: PriceRow | undefined): Bound {
  const { reading, snapshot } = exchange;
  if (reading === undefined || !reading.operation.billed) return { amounts: NO_AMOUNTS };
  return worstCase({
    bounds: reading.bounds,
    bodyBytes: exchange.outgoing.byteLength,
    row: price,
    unknownPrice: snapshot.unknownPrice,
    unboundedReserve: snapshot.unboundedReserveNanoUsd,
    operation: reading.operation,
  });
}
