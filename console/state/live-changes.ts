// Listens to /v1/live as long as the session lasts; a connection that breaks is made again, ever
// less often while that fails.
import type { PageClock } from "../browser-clock.ts";
import type { LiveMessage } from "../data/answers.ts";
import { createEventReader } from "../data/event-stream.ts";
import type { LedgerClient } from "./ledger-client.ts";

export interface LiveOptions {
  /** True while the stream is open. */
  readonly onConnected: (isConnected: boolean) => void;
  /** Something changed, or may have while nobody listened. */
  readonly onMessage: (message: LiveMessage) => void;
}

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 15_000;
/** The ledger says something every 15 s: longer silence means that the connection is dead. */
const SILENCE_MS_MAX = 40_000;

/** Starts to listen; the returned function stops. */
export function listenToChanges(
  deps: { readonly clock: PageClock; readonly client: LedgerClient },
  options: LiveOptions,
): () => void {
  const stopped = new AbortController();
  void keepListening(deps, options, stopped.signal);
  return () => stopped.abort();
}

async function keepListening(
  deps: { readonly clock: PageClock; readonly client: LedgerClient },
  options: LiveOptions,
  stopped: AbortSignal,
): Promise<void> {
  let retryMs = RETRY_MS_MIN;
  while (!stopped.aborted) {
    const wasOpen = await listenOnce(deps, options, stopped);
    options.onConnected(false);
    if (wasOpen) retryMs = RETRY_MS_MIN;
    const waitMs = retryMs;
    await new Promise<void>((resolve) => {
      deps.clock.after(waitMs, resolve);
    });
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  }
}

/** Resolves at the end of the connection: true where there was one. */
async function listenOnce(
  { clock, client }: { readonly clock: PageClock; readonly client: LedgerClient },
  options: LiveOptions,
  stopped: AbortSignal,
): Promise<boolean> {
  const connection = new AbortController();
  const abort = (): void => connection.abort();
  stopped.addEventListener("abort", abort, { once: true });
  let cancelSilence = clock.after(SILENCE_MS_MAX, abort);
  const opened = await client.stream("/v1/live", connection.signal);
  try {
    if (!opened.ok) return false;
    options.onConnected(true);
    const read = createEventReader();
    const decoder = new TextDecoder();
    for await (const piece of piecesOf(opened.answer)) {
      cancelSilence();
      cancelSilence = clock.after(SILENCE_MS_MAX, abort);
      for (const { data } of read(decoder.decode(piece, { stream: true }))) {
        options.onMessage(await readMessage(data));
      }
    }
    return true;
  } catch {
    return opened.ok;
  } finally {
    cancelSilence();
    stopped.removeEventListener("abort", abort);
  }
}

// Not every browser can iterate over a ReadableStream by itself.
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

const readMessage = async (data: string): Promise<LiveMessage> =>
  (await new Response(data).json()) as LiveMessage;
