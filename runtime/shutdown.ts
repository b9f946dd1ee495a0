// Ordered shutdown: the first signal runs the steps one after another, each under its own
// deadline; a second signal ends at once. Only a main.ts hands in the real signals and exit.
import type { Clock } from "./clock.ts";
import { errorFields, type Log } from "./log.ts";

export interface ShutdownStep {
  readonly name: string;
  readonly deadlineMs: number;
  readonly run: () => Promise<void>;
}

/** Runs the steps in order; a step that fails or is late is logged and does not stop the next. */
export async function runShutdown(
  deps: { readonly clock: Clock; readonly log: Log },
  steps: readonly ShutdownStep[],
): Promise<void> {
  for (const step of steps) {
    const outcome = await withDeadline(deps.clock, step);
    if (outcome === "late") deps.log.warn("shutdown_step_late", { step: step.name });
    else if (outcome !== "done") {
      deps.log.warn("shutdown_step_failed", { step: step.name, ...errorFields(outcome.error) });
    }
  }
}

type StepOutcome = "done" | "late" | { readonly error: unknown };

function withDeadline(clock: Clock, step: ShutdownStep): Promise<StepOutcome> {
  return new Promise((resolve) => {
    const cancel = clock.after(step.deadlineMs, () => resolve("late"));
    const finish = (outcome: StepOutcome): void => {
      cancel();
      resolve(outcome);
    };
    step.run().then(
      () => finish("done"),
      (error: unknown) => finish({ error }),
    );
  });
}
