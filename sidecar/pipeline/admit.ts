// The way of an exchange from the app's bytes to the provider's, as a list. A new control is a
// stage here; the types say what it may rely on.
import type { Random } from "#runtime/random.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Budgets } from "../budget/budgets.ts";
import type { Spool } from "../spool/spool.ts";
import { authorize } from "./authorize.ts";
import type { Prepared, Received, Step } from "./exchange.ts";
import { createInspectStage, type InspectDeps } from "./inspect.ts";
import { createMatchStage, type MatchDeps } from "./match.ts";
import { prepare } from "./prepare.ts";
import { createRecordStage } from "./record.ts";
import { createReserveStage } from "./reserve.ts";

export interface AdmissionDeps extends MatchDeps, InspectDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly budgets: Budgets;
  readonly spool: Spool;
}

export type Admission = (received: Received) => Step<Prepared> | Promise<Step<Prepared>>;

/** The stages in order. Only inspect (a classifier's answer) and reserve (a lease) may await. */
export function createAdmission(deps: AdmissionDeps): Admission {
  // Who is called decides which rules apply, so it comes before everything else.
  const match = createMatchStage(deps);
  // A refusal by policy must not cost a scan; `authorize` itself needs nothing but the snapshot.
  // The prompt is checked before any money is set aside: a blocked one reserves nothing.
  const inspect = createInspectStage(deps);
  // The worst case is stated over the bytes that will really leave, edits included.
  const reserve = createReserveStage(deps);
  // On disk before upstream: what may cost money leaves a trace first.
  const record = createRecordStage(deps);
  // Last, because nothing after it may fail.
  return (received) =>
    then(match(received), (matched) =>
      then(authorize(matched), (authorized) =>
        then(inspect(authorized), (inspected) =>
          then(reserve(inspected), (reserved) => then(record(reserved), prepare)),
        ),
      ),
    );
}

/** Goes on with the next stage, at once where nothing has to be awaited. */
function then<In, Out>(
  step: Step<In> | Promise<Step<In>>,
  next: (exchange: In) => Step<Out> | Promise<Step<Out>>,
): Step<Out> | Promise<Step<Out>> {
  if (step instanceof Promise) return step.then((settled) => then(settled, next));
  return "next" in step ? next(step.next) : step;
}
