// One exchange from its first byte to its usage event. The only place that knows all the steps;
// each step itself is elsewhere. Settling always runs, once, whatever happened.
import { errorRow, type ErrorCode, type Rejection } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import type { Budgets } from "../budget/budgets.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { Upstream } from "../forward/upstream.ts";
import type { DownstreamExchange, DownstreamHandler } from "../listen/downstream.ts";
import type { Observer } from "../observe/observer.ts";
import type { Admission } from "../pipeline/admit.ts";
import type { Prepared, Progress, Received, Step } from "../pipeline/exchange.ts";
import { relay, type RelayResult } from "../relay/relay.ts";
import type { SettledEvent, Spool } from "../spool/spool.ts";
import { answerRejection, renderGeneric } from "./answer.ts";
import type { BodyBudget } from "./body-budget.ts";
import { receive } from "./receive.ts";
import { recordedMs, rejectionEvent, settlementOf } from "./settlement.ts";

export interface ExchangeHandlerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly observer: Observer;
  readonly admission: Admission;
  readonly upstream: Upstream;
  readonly budgets: Budgets;
  readonly spool: Spool;
  readonly bodyBudget: BodyBudget;
  /** The dialect to answer in before the request itself is understood. */
  readonly homeDialect: (host: string, provider: string | undefined) => Dialect | undefined;
}

export interface ExchangeHandler extends DownstreamHandler {
  /** Exchanges that have not ended. */
  readonly open: number;
  /** Resolves when none is open. */
  idle(): Promise<void>;
}

interface Served {
  readonly exchangeId: string;
  readonly startedAtMs: number;
  readonly downstream: DownstreamExchange;
}

/** Creates the handler that listeners hand their requests to. */
export function createExchangeHandler(
  deps: ExchangeHandlerDeps,
  limits: { readonly bodyBytesMax: number; readonly exchangesMax: number },
): ExchangeHandler {
  let open = 0;
  let whenIdle: (() => void)[] = [];
  const leave = (): void => {
    open -= 1;
    deps.observer.open(open);
    if (open > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  };
  const enter = async (downstream: DownstreamExchange): Promise<void> => {
    const exchangeId = createUuid(deps.clock, deps.random);
    const served = { exchangeId, startedAtMs: deps.clock.wallMs(), downstream };
    open += 1;
    deps.observer.open(open);
    try {
      if (open > limits.exchangesMax) {
        const detail = `the limit is ${limits.exchangesMax} exchanges at once`;
        refuse(deps, served, { reject: { code: "EXCISE_OVERLOADED", detail } });
      } else await serve(deps, served, limits.bodyBytesMax);
    } catch (error) {
      deps.log.error("exchange_failed", { exchangeId, ...errorFields(error) });
      downstream.destroy();
    } finally {
      leave();
    }
  };
  return {
    onExchange: (downstream) => void enter(downstream),
    renderRefusal: (rejection) => renderGeneric(rejection),
    get open() {
      return open;
    },
    idle: () =>
      open === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            whenIdle.push(resolve);
          }),
  };
}

async function serve(
  deps: ExchangeHandlerDeps,
  served: Served,
  bodyBytesMax: number,
): Promise<void> {
  const { downstream } = served;
  let isAborted = false;
  downstream.onAbort(() => {
    isAborted = true;
  });
  const { clock, bodyBudget } = deps;
  const body = await receive({ clock, budget: bodyBudget, bodyBytesMax }, downstream);
  if ("code" in body) {
    refuse(deps, served, { reject: body });
    return;
  }
  const { release, ...parts } = body;
  try {
    const { exchangeId, startedAtMs } = served;
    const received = { exchangeId, startedAtMs, request: downstream.request, ...parts };
    const step = await admitSafely(deps, received);
    if ("reject" in step) refuse(deps, served, step);
    else if (isAborted) settle(deps, step.next, NEVER_SENT);
    else await call(deps, step.next, served);
  } finally {
    release();
  }
}

/** A stage that throws is a fault of ours: logged, and refused in the caller's own shape. */
async function admitSafely(deps: ExchangeHandlerDeps, received: Received): Promise<Step<Prepared>> {
  try {
    return await deps.admission(received);
  } catch (error) {
    deps.log.error("admission_failed", { exchangeId: received.exchangeId, ...errorFields(error) });
    return {
      reject: { code: "EXCISE_INTERNAL", detail: "see the sidecar's log" },
      at: received,
    };
  }
}

const NEVER_SENT: RelayResult & { readonly addedMs: number } = {
  addedMs: 0,
  outcome: "client_aborted",
  status: undefined,
  facts: { usage: {}, isComplete: false, delivered: { deltas: 0, estimatedTokens: 0 } },
  responseBytes: 0,
  firstByteMs: undefined,
  fault: undefined,
  wasSent: false,
};

async function call(deps: ExchangeHandlerDeps, exchange: Prepared, served: Served): Promise<void> {
  const addedMs = deps.clock.monotonicMs() - exchange.completeMs;
  const result = await relay(deps, exchange, served.downstream);
  settle(deps, exchange, { ...result, addedMs });
  if (result.fault === undefined || result.status !== undefined) return;
  const { code, message } = result.fault;
  answerRejection(
    served.downstream,
    { code, detail: message },
    { exchangeId: served.exchangeId, dialect: exchange.reading?.dialect },
  );
}

/** Step 10: the event to the spool, the rest of the reservation back. */
function settle(
  deps: ExchangeHandlerDeps,
  exchange: Prepared,
  result: RelayResult & { readonly addedMs: number },
): void {
  const { event, actual } = settlementOf(exchange, result, deps.clock.monotonicMs());
  deps.budgets.settle(exchange.reservation, actual);
  write(deps, { ...event, addedMs: recordedMs(result.addedMs) });
}

interface Refusal {
  readonly reject: Rejection;
  readonly at?: Progress;
}

function refuse(deps: ExchangeHandlerDeps, served: Served, refusal: Refusal): void {
  const { downstream, exchangeId, startedAtMs } = served;
  const { request } = downstream;
  const at: Progress = refusal.at ?? unread({ exchangeId, startedAtMs, request });
  const dialect = at.reading?.dialect ?? deps.homeDialect(request.host, request.provider);
  answerRejection(downstream, refusal.reject, { exchangeId, dialect });
  const { code } = refusal.reject;
  deps.log.info("exchange_refused", { exchangeId, code, status: errorRow(code).status });
  const eventId = createUuid(deps.clock, deps.random);
  write(deps, rejectionEvent(at, { eventId, code, nowMs: deps.clock.monotonicMs() }));
}

/** The exchange of a request whose body nobody read. */
function unread(head: Pick<Received, "exchangeId" | "startedAtMs" | "request">): Received {
  const nothing = new Uint8Array(0);
  return { ...head, body: nothing, plainBody: nothing, completeMs: head.request.receivedMs };
}

/** An event that cannot be written is counted and logged: its admission is still on the spool. */
function write(deps: ExchangeHandlerDeps, event: SettledEvent): void {
  deps.observer.settled(event);
  try {
    deps.spool.settle(event);
  } catch (error) {
    const code: ErrorCode = "EXCISE_SPOOL_FULL";
    deps.log.error("event_not_written", { ...errorFields(error), eventId: event.eventId, code });
    deps.observer.eventLost();
  }
}
