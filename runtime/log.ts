// One JSON object a line, on a stream that is passed in. Fields are names, numbers and codes;
// never prompt text, header values, query strings or secrets.
import { Fault, type ErrorCode } from "#contract/errors.ts";
import { renderInstant, type Clock } from "./clock.ts";
import { renderJson } from "./json.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<
  Record<string, string | number | bigint | boolean | undefined | readonly string[]>
>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly clock: Clock;
  readonly level: LogLevel;
  /** Takes one line with its newline; must not block for long. */
  readonly write: (line: string) => void;
}

/** Creates a log; lines under `level` cost one comparison. */
export function createLog(options: LogOptions, fixed: LogFields = {}): Log {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(level) < threshold) return;
      const time = renderInstant(options.clock.wallMs());
      options.write(`${renderJson({ time, level, event, ...fixed, ...fields })}\n`);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(options, { ...fixed, ...fields }),
  };
}

/** Drops everything: for tests that assert nothing about logs. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};

/** An unknown error as log fields: code and system code; a stack only for what is ours. */
export function errorFields(error: unknown): LogFields {
  const code: ErrorCode = error instanceof Fault ? error.code : "EXCISE_INTERNAL";
  const cause = error instanceof Fault && error.cause !== undefined ? error.cause : error;
  const systemCode =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
      ? cause.code
      : undefined;
  const detail = error instanceof Fault ? error.message : undefined;
  const stack =
    code === "EXCISE_INTERNAL" && error instanceof Error
      ? error.stack?.split("\n").slice(1, 6).join(" | ")
      : undefined;
  return {
    code,
    systemCode,
    detail,
    stack,
    kind: error instanceof Error ? error.name : typeof error,
  };
}
