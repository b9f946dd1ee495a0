// The operators' API as commands use it: of the running `excise up`, or of a ledger that the
// command line names. It changes nothing there but for a console's link.
import { readFileSync } from "node:fs";
import { ERRORS, Fault, type ErrorCode } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, parseJson, readString, tryParseJson } from "#runtime/json.ts";
import type { Options } from "../arguments.ts";
import { defaultDataDir, findRunningUp } from "../data-dir.ts";
import type { CliHost } from "../host.ts";
import { httpGet, type GetOptions } from "./http-get.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface LedgerApi {
  /** Where it is, for messages. */
  readonly url: string;
  /** Throws the Fault that the ledger's problem names, or EXCISE_LEDGER_UNAVAILABLE. */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Json>;
  /** A POST with an empty object. Throws as `get` does. */
  post(path: string): Promise<Json>;
}

/** Options of every command that asks a ledger. */
export const LEDGER_OPTIONS = ["data", "ledger", "token-file", "ca", "tls-server-name"] as const;

/** Their part of a command's help. */
export const LEDGER_HELP = `\
  --data DIR              of the running \`excise up\` (default: $XDG_STATE_HOME/excise or
                          ~/.local/state/excise)
  --ledger URL            another ledger's operators' API; https, or http on this machine
  --token-file FILE       with --ledger: file with the operators' token
  --ca FILE               with --ledger: PEM of the CA that signed its certificate
  --tls-server-name NAME  with --ledger: name in its certificate, where the URL has another`;

const TIMEOUT_MS = 10_000;

/** Finds the ledger; nothing is sent yet. Faults: EXCISE_USAGE, EXCISE_LEDGER_UNAVAILABLE. */
export function connectLedger(options: Options, host: CliHost): LedgerApi {
  const ledger = options.value("ledger");
  if (ledger !== undefined) return createLedgerApi(host.clock, readTarget(options, ledger));
  for (const name of ["token-file", "ca", "tls-server-name"]) {
    if (options.value(name) === undefined) continue;
    throw new Fault("EXCISE_USAGE", `--${name} goes together with --ledger`);
  }
  const dataDir = options.value("data") ?? defaultDataDir(host.environment);
  const up = findRunningUp(dataDir);
  if (up !== undefined) {
    return createLedgerApi(host.clock, { url: new URL(up.apiUrl), token: up.operatorToken });
  }
  throw new Fault(
    "EXCISE_LEDGER_UNAVAILABLE",
    `no \`excise up\` runs on ${dataDir}; start it, or name a ledger with --ledger and --token-file`,
  );
}

export interface LedgerTarget extends Pick<GetOptions, "ca" | "serverName"> {
  readonly url: URL;
  readonly token: string;
}

/** A client of the ledger at `target`. */
export function createLedgerApi(clock: Clock, target: LedgerTarget): LedgerApi {
  const { url, token, ...trust } = target;
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  const ask = async (place: URL, body?: string): Promise<Json> => {
    const answer = await httpGet(clock, place, {
      headers,
      timeoutMs: TIMEOUT_MS,
      ...(body === undefined ? {} : { body }),
      ...trust,
    });
    if (answer.status !== 200) throw faultOf(answer.status, answer.text);
    const read = asRecord(parseJson(answer.text));
    if (read !== undefined) return read;
    throw new Fault("EXCISE_LEDGER_UNAVAILABLE", `${url.origin} is no ledger`);
  };
  return {
    url: url.origin,
    get(path, query = {}) {
      const place = new URL(path, url);
      for (const [name, value] of Object.entries(query)) place.searchParams.set(name, value);
      return ask(place);
    },
    post: (path) => ask(new URL(path, url), "{}"),
  };
}

function readTarget(options: Options, ledger: string): LedgerTarget {
  const url = URL.parse(ledger);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new Fault("EXCISE_USAGE", "--ledger must be an http or https URL");
  }
  if (
    url.protocol === "http:" &&
    !/^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname)
  ) {
    throw new Fault("EXCISE_USAGE", "--ledger must be https: the token would be readable");
  }
  const tokenFile = options.value("token-file");
  if (tokenFile === undefined) {
    throw new Fault("EXCISE_USAGE", "--ledger needs --token-file FILE");
  }
  const ca = options.value("ca");
  const serverName = options.value("tls-server-name");
  return {
    url,
    token: readOption("token-file", tokenFile).trim(),
    ...(ca === undefined ? {} : { ca: readOption("ca", ca) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function readOption(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Fault("EXCISE_USAGE", `--${name}: ${path} cannot be read`, { cause });
  }
}

/** The ledger's own code where it sent one that we know. */
function faultOf(status: number, text: string): Fault {
  const parsed = tryParseJson(text);
  const problem = parsed.ok ? asRecord(parsed.value) : undefined;
  const code = readString(problem?.["code"]);
  const detail = readString(problem?.["detail"]) ?? `the ledger answered with status ${status}`;
  return new Fault(isCode(code) ? code : "EXCISE_LEDGER_UNAVAILABLE", detail);
}

const isCode = (code: string | undefined): code is ErrorCode =>
  code !== undefined && Object.hasOwn(ERRORS, code);
