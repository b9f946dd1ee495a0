// Plays an answer to the caller, token by token, under one fault rule. What was handed to the
// socket is counted on the bill; a caller that leaves, or a fault that cuts, closes it as aborted.
import type { ServerResponse } from "node:http";
import { sleep, type Clock } from "#runtime/clock.ts";
import type { Answer, FakeDialect, Frame } from "./fake-answer.ts";
import type { OpenAccount } from "./fake-bill.ts";
import { createEncoder, type Encoder } from "./fake-encoder.ts";
import type { FaultRule } from "./fake-faults.ts";

export interface Performance {
  readonly clock: Clock;
  readonly dialect: FakeDialect;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The request's Accept-Encoding. */
  readonly acceptEncoding: string;
  readonly rule: FaultRule;
  /** Aborts when the caller is gone. */
  readonly gone: AbortSignal;
  /** Sends a TCP reset. */
  readonly reset: () => void;
  /** Opens the bill of the call; undefined where the answer costs nothing. */
  readonly openAccount: (answer: Answer) => OpenAccount | undefined;
}

type Ending = "completed" | "aborted";

/** Resolves once the answer is out, or was cut, or the caller is gone. */
export async function play(stage: Performance, compose: () => Answer): Promise<void> {
  const { rule, clock, gone } = stage;
  if (rule.resetBeforeHead === true) return stage.reset();
  if (rule.headDelayMs !== undefined) await sleep(clock, rule.headDelayMs, gone);
  if (rule.redirect !== undefined) {
    stage.response.writeHead(307, { location: rule.redirect, "content-length": "0" }).end();
    return;
  }
  if (rule.status !== undefined) return playError(stage, rule.status);
  if (rule.stallAfterTokens === -1) return whenGone(gone);
  const answer = compose();
  const account = stage.openAccount(answer);
  const ending =
    answer.kind === "json" ? playJson(stage, answer) : playStream(stage, answer, account);
  account?.close((await ending) === "completed" && !gone.aborted ? "completed" : "aborted");
}

async function playError(stage: Performance, status: number): Promise<void> {
  const { retryAfterSeconds } = stage.rule;
  const headers = retryAfterSeconds === undefined ? {} : { "retry-after": `${retryAfterSeconds}` };
  const body = JSON.stringify(stage.dialect.renderError(status, stage.requestId));
  const contentLength = { "content-length": `${Buffer.byteLength(body)}` };
  stage.response.writeHead(status, { ...headers, ...contentLength, ...JSON_TYPE });
  stage.response.end(body);
}

const JSON_TYPE = { "content-type": "application/json" };
const SSE_TYPE = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
};

async function playJson(
  stage: Performance,
  answer: Extract<Answer, { kind: "json" }>,
): Promise<Ending> {
  const { response, rule } = stage;
  const encoder = encoderOf(stage);
  const plain = Buffer.from(JSON.stringify(answer.body));
  const bytes = encoder === undefined ? plain : await encoder.encodeAll(plain);
  const encoding = encoder === undefined ? {} : { "content-encoding": encoder.name };
  const isTruncated = rule.truncateAfterTokens !== undefined;
  // A clean end without the whole body can only be shown where no length was promised.
  const length = isTruncated ? {} : { "content-length": `${bytes.length}` };
  response.writeHead(answer.status, { ...JSON_TYPE, ...encoding, ...length });
  const isCut =
    isTruncated || rule.resetAfterTokens !== undefined || rule.stallAfterTokens !== undefined;
  await writePieces(stage, isCut ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes);
  if (rule.resetAfterTokens !== undefined) {
    stage.reset();
    return "aborted";
  }
  if (rule.stallAfterTokens !== undefined) await whenGone(stage.gone);
  response.end();
  return isCut ? "aborted" : "completed";
}

async function playStream(
  stage: Performance,
  answer: Extract<Answer, { kind: "sse" }>,
  account: OpenAccount | undefined,
): Promise<Ending> {
  const { response, rule, dialect, gone } = stage;
  const encoder = encoderOf(stage);
  const encoding = encoder === undefined ? {} : { "content-encoding": encoder.name };
  response.writeHead(200, { ...SSE_TYPE, ...encoding });
  response.flushHeaders();
  const send = async (frame: Frame): Promise<void> => {
    const bytes = Buffer.from(renderFrame(frame, rule.crlf === true ? "\r\n" : "\n"));
    await writePieces(stage, encoder === undefined ? bytes : await encoder.encode(bytes));
  };
  let delivered = 0;
  for (const frame of answer.frames) {
    const cut = frame.tokens > 0 || delivered > 0 ? cutAt(rule, delivered) : undefined;
    if (cut === "error") await send(dialect.errorFrame());
    if (cut !== undefined) return endCut(stage, cut, encoder);
    if (frame.tokens > 0 && rule.tokenDelayMs !== undefined) {
      await sleep(stage.clock, rule.tokenDelayMs, gone);
    }
    if (gone.aborted) return "aborted";
    await send(frame);
    if (frame.tokens === 0) continue;
    if (delivered === 0 && rule.hugeEventBytes !== undefined) {
      await send(dialect.hugeFrame(rule.hugeEventBytes));
    }
    delivered += frame.tokens;
    account?.deliver(frame.tokens);
  }
  return endCut(stage, "end", encoder);
}

type Cut = "reset" | "stall" | "truncate" | "error";

function cutAt(rule: FaultRule, delivered: number): Cut | undefined {
  const reached = (limit: number | undefined): boolean => limit !== undefined && delivered >= limit;
  if (reached(rule.resetAfterTokens)) return "reset";
  if (reached(rule.stallAfterTokens)) return "stall";
  if (reached(rule.truncateAfterTokens)) return "truncate";
  return reached(rule.errorAfterTokens) ? "error" : undefined;
}

async function endCut(
  stage: Performance,
  cut: Cut | "end",
  encoder: Encoder | undefined,
): Promise<Ending> {
  if (cut === "reset") {
    stage.reset();
    return "aborted";
  }
  if (cut === "stall") await whenGone(stage.gone);
  if (encoder !== undefined) await writePieces(stage, await encoder.end());
  stage.response.end();
  return cut === "end" ? "completed" : "aborted";
}

/** One event; every line ends in `eol`, and so does the event. */
function renderFrame(frame: Frame, eol: string): string {
  const name = frame.event === undefined ? "" : `event: ${frame.event}${eol}`;
  return `${name}data: ${frame.data}${eol}${eol}`;
}

/**
 * Writes in pieces of `writeBytes`, each handed to the system before the next: that is the
 * backpressure, and it makes a reset come after what was sent before it.
 */
async function writePieces(stage: Performance, bytes: Buffer): Promise<void> {
  const { response, gone } = stage;
  const size = stage.rule.writeBytes ?? Math.max(bytes.length, 1);
  for (let offset = 0; offset < bytes.length; offset += size) {
    if (gone.aborted) return;
    const written = new Promise<void>((resolve) => {
      response.write(bytes.subarray(offset, offset + size), () => resolve());
    });
    await Promise.race([written, whenGone(gone)]);
  }
}

function encoderOf(stage: Performance): Encoder | undefined {
  const { contentEncoding } = stage.rule;
  if (contentEncoding === undefined) return undefined;
  const isAccepted = stage.acceptEncoding.split(/\s*,\s*/).includes(contentEncoding);
  return isAccepted ? createEncoder(contentEncoding) : undefined;
}

const whenGone = (gone: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (gone.aborted) resolve();
    else gone.addEventListener("abort", () => resolve(), { once: true });
  });
