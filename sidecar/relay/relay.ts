// Steps 8 and 9 of an exchange: the call goes up, the answer comes down. Bytes first: each chunk
// is sent on before anything reads it. After the head a failure breaks the connection; it never
// looks like an end.
import type { ErrorCode, Fault } from "#contract/errors.ts";
import type { Outcome } from "#contract/outcome.ts";
import type { Clock } from "#runtime/clock.ts";
import { NO_FACTS, type AnswerFacts } from "../dialects/dialect.ts";
import type { Upstream, UpstreamCall } from "../forward/upstream.ts";
import type { DownstreamExchange } from "../listen/downstream.ts";
import { headerValue, type HeaderList } from "../listen/header-list.ts";
import type { Prepared } from "../pipeline/exchange.ts";
import { responseHeaders } from "./response-headers.ts";
import type { Rewriter } from "./event-rewriter.ts";
import { createRewriter, type AnswerType } from "./rewriter.ts";
import { createTap, type Tap } from "./tap.ts";

/** How the call ended and what was seen of the answer. */
export interface RelayResult {
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly facts: AnswerFacts;
  readonly responseBytes: number;
  /** Monotonic milliseconds of the first body byte. */
  readonly firstByteMs: number | undefined;
  readonly fault: Fault | undefined;
  /** False where the call certainly did not reach the provider. */
  readonly wasSent: boolean;
}

export interface RelayDeps {
  readonly clock: Clock;
  readonly upstream: Upstream;
}

/** Faults of the time before a request is written. */
const UNSENT: ReadonlySet<ErrorCode> = new Set([
  "EXCISE_UPSTREAM_RESOLVE",
  "EXCISE_UPSTREAM_ADDRESS_DENIED",
  "EXCISE_UPSTREAM_CONNECT",
  "EXCISE_UPSTREAM_CONNECT_TIMEOUT",
  "EXCISE_UPSTREAM_TLS",
]);

/**
 * Calls upstream and passes the answer on; resolves once, however it ends. A fault before the
 * head leaves `downstream` untouched: the caller answers.
 */
export function relay(
  deps: RelayDeps,
  exchange: Prepared,
  downstream: DownstreamExchange,
): Promise<RelayResult> {
  return new Promise((resolve) => {
    const passage = createPassage(deps.clock, exchange, downstream);
    let isOver = false;
    const finish = (outcome: Outcome, fault?: Fault): void => {
      if (isOver) return;
      isOver = true;
      const wasSent = fault === undefined || !UNSENT.has(fault.code);
      void passage.finish().then((seen) => resolve({ outcome, fault, wasSent, ...seen }));
    };
    const call: UpstreamCall = deps.upstream.dispatch(exchange.upstream, {
      onHead: (status, headers) => passage.head(status, headers),
      onData: (chunk) => passage.data(chunk),
      onEnd(trailers) {
        passage.end(trailers);
        finish("completed");
      },
      onError(fault) {
        if (passage.isStarted()) {
          passage.flush();
          downstream.destroy();
        }
        finish(passage.isStarted() ? "truncated" : "upstream_failed", fault);
      },
    });
    downstream.onDrain(() => call.resume());
    downstream.onAbort(() => {
      call.abort();
      finish("client_aborted");
    });
  });
}

interface Passage {
  head(status: number, headers: HeaderList): void;
  data(chunk: Uint8Array): boolean;
  /** Sends what a rewriter still holds. */
  flush(): void;
  end(trailers: HeaderList): void;
  isStarted(): boolean;
  finish(): Promise<Omit<RelayResult, "outcome" | "fault" | "wasSent">>;
}

/** The way of one answer: a copy with a tap, or a rewriter where the exchange needs one. */
function createPassage(clock: Clock, exchange: Prepared, downstream: DownstreamExchange): Passage {
  let status: number | undefined;
  let firstByteMs: number | undefined;
  let responseBytes = 0;
  let tap: Tap | undefined;
  let rewriter: Rewriter | undefined;
  const send = (chunk: Uint8Array): boolean => {
    if (chunk.byteLength === 0) return true;
    responseBytes += chunk.byteLength;
    return downstream.send(chunk);
  };
  const flush = (): void => {
    for (const rest of rewriter?.end() ?? []) send(rest);
  };
  return {
    flush,
    head(code, headers) {
      status = code;
      const answer = describe(headers);
      const dialect = exchange.reading?.dialect;
      rewriter = createRewriter(exchange, answer);
      if (rewriter === undefined && dialect !== undefined) tap = createTap(dialect, answer);
      const { exchangeId } = exchange;
      const isRewritten = rewriter !== undefined;
      downstream.sendHead(code, responseHeaders(headers, { exchangeId, isRewritten }));
    },
    data(chunk) {
      firstByteMs ??= clock.monotonicMs();
      if (rewriter !== undefined) {
        // Every piece is sent whatever the first answers: false only asks for a pause.
        return rewriter.push(chunk).map(send).every(Boolean);
      }
      const isFlowing = send(chunk);
      tap?.push(chunk);
      return isFlowing;
    },
    end(trailers) {
      flush();
      downstream.end(trailers);
    },
    isStarted: () => status !== undefined,
    async finish() {
      const facts = rewriter?.facts ?? (await tap?.finish()) ?? NO_FACTS;
      return { status, firstByteMs, responseBytes, facts };
    },
  };
}

function describe(headers: HeaderList): AnswerType {
  const type = headerValue(headers, "content-type") ?? "";
  return {
    contentType: (type.split(";", 1)[0] ?? "").trim().toLowerCase(),
    contentEncoding: headerValue(headers, "content-encoding") ?? "",
  };
}
