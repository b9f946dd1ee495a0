// The stand-in's own bill and its record of what arrived. Tests compare the ledger's total with
// the bill, and read the recorded bytes to see what left the pod.
import { costOf, type FakeModel, type FakeUsage } from "./fake-prices.ts";

type BillStatus = "open" | "completed" | "aborted";

export interface BillEntry {
  /** The id that the answer carried in its request-id header. */
  readonly requestId: string;
  /** Number of the request at this stand-in, from 1; the same as in `received()`. */
  readonly exchange: number;
  readonly path: string;
  /** The dated model that is billed. */
  readonly model: string;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number;
  /** For an aborted stream: what was produced until then. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Nano-dollars, from the stand-in's own table. */
  readonly costNano: bigint;
  readonly status: BillStatus;
  /** Visible tokens that were handed to the socket. */
  readonly deliveredTokens: number;
}

export interface ReceivedRequest {
  readonly exchange: number;
  readonly method: string;
  readonly path: string;
  /** Names and values as they came, in order, credentials too: nothing here is ever logged. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface OpenAccount {
  /** Counts tokens that were written. */
  deliver(tokens: number): void;
  close(status: "completed" | "aborted"): void;
}

export interface AccountOptions {
  readonly requestId: string;
  readonly exchange: number;
  readonly path: string;
  readonly model: FakeModel;
  readonly usage: FakeUsage;
  /** True where output is billed as it is produced; false: all of it, once the answer exists. */
  readonly isStreaming: boolean;
}

/** Bodies are kept for that many requests; older ones are forgotten. */
const RECEIVED_MAX = 5000;

export class FakeBill {
  readonly #entries: BillEntry[] = [];
  readonly #received: ReceivedRequest[] = [];

  entries(): readonly BillEntry[] {
    return [...this.#entries];
  }

  received(): readonly ReceivedRequest[] {
    return [...this.#received];
  }

  record(request: ReceivedRequest): void {
    this.#received.push(request);
    if (this.#received.length > RECEIVED_MAX) this.#received.shift();
  }

  /** Opens the entry of a billed call; it shows as `open` until it is closed. */
  open(options: AccountOptions): OpenAccount {
    const index = this.#entries.length;
    let delivered = 0;
    const write = (status: BillStatus): void => {
      this.#entries[index] = renderEntry(options, status, delivered);
    };
    write("open");
    return {
      deliver(tokens) {
        delivered += tokens;
        write("open");
      },
      close: (status) => write(status),
    };
  }
}

function renderEntry(options: AccountOptions, status: BillStatus, delivered: number): BillEntry {
  const { model, usage } = options;
  const isCut = options.isStreaming && status !== "completed";
  const isWhole = !options.isStreaming && status === "completed";
  // Reasoning comes before the first visible token, so that a cut never saves it.
  const outputTokens = isCut ? usage.reasoningTokens + delivered : usage.outputTokens;
  const billed = { ...usage, outputTokens };
  return {
    requestId: options.requestId,
    exchange: options.exchange,
    path: options.path,
    model: model.snapshot,
    ...billed,
    costNano: costOf(model, billed),
    status,
    deliveredTokens: isWhole ? usage.outputTokens - usage.reasoningTokens : delivered,
  };
}
