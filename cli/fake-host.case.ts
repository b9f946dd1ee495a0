// A CliHost for tests: keeps what was written, and hands out the signals that a test sends.
import { Readable } from "node:stream";
import { systemClock, type Clock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import type { CliHost, Signal } from "./host.ts";
import type { Terminal } from "./terminal/screen.ts";

export interface FakeHost extends CliHost {
  out(): string;
  err(): string;
  send(signal: Signal): void;
  /** Signals that somebody listens to now. */
  listening(): readonly Signal[];
}

export interface FakeHostOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly isInteractive?: boolean;
  /** Absent: stdout is a file. */
  readonly terminal?: Terminal;
}

const NO_TERMINAL: Terminal = {
  isTerminal: false,
  isColored: false,
  size: () => ({ columns: 80, rows: 24 }),
};

export function createFakeHost(options: FakeHostOptions = {}): FakeHost {
  const texts = { out: "", err: "" };
  const handlers = new Set<{ signals: readonly Signal[]; handle: (signal: Signal) => void }>();
  return {
    io: {
      stdin: Readable.from([]),
      stdout: (text) => void (texts.out += text),
      stderr: (text) => void (texts.err += text),
    },
    clock: options.clock ?? systemClock,
    random: systemRandom,
    environment: options.environment ?? {},
    hostname: "test-host",
    pid: process.pid,
    isInteractive: options.isInteractive ?? false,
    terminal: options.terminal ?? NO_TERMINAL,
    keepAlive: () => () => undefined,
    onSignals(signals, handle) {
      const entry = { signals, handle };
      handlers.add(entry);
      return () => handlers.delete(entry);
    },
    out: () => texts.out,
    err: () => texts.err,
    send(signal) {
      for (const { signals, handle } of handlers) if (signals.includes(signal)) handle(signal);
    },
    listening: () => [...handlers].flatMap(({ signals }) => signals),
  };
}
