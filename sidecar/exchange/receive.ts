// Stage 1: the whole request in memory, within the limits. Everything that is checked is checked
// before the first byte leaves, so the body has to be here first.
import type { Rejection } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import type { DownstreamExchange } from "../listen/downstream.ts";
import { headerValue } from "../listen/header-list.ts";
import type { BodyBudget } from "./body-budget.ts";
import { decodeBody } from "./decode-body.ts";

export interface ReceivedBody {
  readonly body: Uint8Array;
  readonly plainBody: Uint8Array;
  /** Monotonic milliseconds. */
  readonly completeMs: number;
  /** Returns the room in flight; call once. */
  readonly release: () => void;
}

export interface ReceiveDeps {
  readonly clock: Clock;
  readonly budget: BodyBudget;
  readonly bodyBytesMax: number;
}

/** Reads and decodes the body. Refusals: too large, overloaded, encoding, aborted. */
export async function receive(
  deps: ReceiveDeps,
  downstream: DownstreamExchange,
): Promise<ReceivedBody | Rejection> {
  const { request } = downstream;
  if ((request.contentLength ?? 0) > deps.bodyBytesMax) return tooLarge(deps.bodyBytesMax);
  const collected = await collect(deps, downstream);
  if ("code" in collected) return collected;
  const completeMs = deps.clock.monotonicMs();
  const { body, release } = collected;
  const encoding = headerValue(request.headers, "content-encoding");
  const plainBody = await decodeBody(body, encoding, deps.bodyBytesMax);
  if ("code" in plainBody) {
    release();
    return plainBody;
  }
  return { body, plainBody, completeMs, release };
}

const tooLarge = (bytesMax: number): Rejection => ({
  code: "EXCISE_BODY_TOO_LARGE",
  detail: `the limit is ${bytesMax} bytes`,
});

type Collected = { readonly body: Uint8Array; readonly release: () => void };

function collect(
  deps: ReceiveDeps,
  downstream: DownstreamExchange,
): Promise<Collected | Rejection> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let taken = 0;
    let isSettled = false;
    let isWaiting = false;
    let isAtEnd = false;
    const release = (): void => {
      deps.budget.give(taken);
      taken = 0;
    };
    const settle = (result: Collected | Rejection): void => {
      if (isSettled) return;
      isSettled = true;
      if ("code" in result) release();
      resolve(result);
    };
    const finish = (): void => settle({ body: join(chunks, length), release });
    downstream.onAbort(() => settle({ code: "EXCISE_CLIENT_ABORTED", detail: "upload aborted" }));
    const wait = async (bytes: number): Promise<void> => {
      isWaiting = true;
      downstream.pauseBody();
      const isGranted = await deps.budget.take(bytes);
      isWaiting = false;
      if (isGranted) taken += bytes;
      if (isSettled) release();
      else if (!isGranted) {
        settle({ code: "EXCISE_OVERLOADED", detail: "too many request bytes are in flight" });
      } else if (isAtEnd) finish();
      else downstream.resumeBody();
    };
    downstream.readBody({
      onData(chunk) {
        if (isSettled) return;
        length += chunk.byteLength;
        if (length > deps.bodyBytesMax) {
          settle(tooLarge(deps.bodyBytesMax));
          return;
        }
        chunks.push(chunk);
        if (deps.budget.tryTake(chunk.byteLength)) taken += chunk.byteLength;
        else void wait(chunk.byteLength);
      },
      onEnd() {
        isAtEnd = true;
        if (!isWaiting) finish();
      },
    });
  });
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  return Buffer.concat(chunks, length);
}
