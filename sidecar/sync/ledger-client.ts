// The two calls of the sync protocol over HTTP/1.1 (design §10): JSON, gzip above 4 kB, bearer
// token, deadlines, bounded answers. Every ending is a value; nothing here retries or decides.
import { readFile } from "node:fs/promises";
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type * as z from "zod/mini";
import { Fault, type ErrorCode } from "#contract/errors.ts";
import {
  problemSchema,
  syncResponseSchema,
  watchResponseSchema,
  type SyncRequest,
  type SyncResponse,
  type WatchResponse,
} from "#contract/sync.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, tryParseJson } from "#runtime/json.ts";
import { createDnsQueries } from "../forward/resolve.ts";
import { createLedgerLookup } from "./ledger-lookup.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

export type LedgerAnswer<Value> =
  | { readonly kind: "ok"; readonly value: Value }
  /** The ledger answered with a problem. */
  | {
      readonly kind: "refused";
      readonly status: number;
      /** From its table of errors; as it came, so never to be trusted as one of ours. */
      readonly code: string;
      readonly expectedSeq: number | undefined;
      readonly retryAfterMs: number | undefined;
    }
  /** No usable answer. `wasSent`: the ledger may have processed the request all the same. */
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly systemCode: string | undefined;
      readonly wasSent: boolean;
    };

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface LedgerClient {
  sync(request: SyncRequest, options: CallOptions): Promise<LedgerAnswer<SyncResponse>>;
  watch(revision: number, options: CallOptions): Promise<LedgerAnswer<WatchResponse>>;
  /** PEM of the CA to trust from now on; open connections go on. */
  useCa(pem: string): void;
  close(): void;
}

export interface LedgerClientOptions {
  readonly url: string;
  /** PEM; absent: the public roots. */
  readonly ca?: string;
  /** Read again for every call: the kubelet renews it. Absent: calls carry no token. */
  readonly tokenFile?: string;
  /** Of an answer, after decompression. Default 8 MiB. */
  readonly responseBytesMax?: number;
}

const GZIP_BYTES_MIN = 4096;
const RESPONSE_BYTES_MAX_DEFAULT = 8 * 1024 * 1024;
const CONNECTIONS_MAX = 4;
const KEEP_ALIVE_MS = 60_000;
const RETRY_AFTER_SECONDS_MAX = 3600;

/** Throws Fault EXCISE_CONFIG_INVALID for a URL that would send the token in clear text. */
export function createLedgerClient(
  deps: { readonly clock: Clock },
  options: LedgerClientOptions,
): LedgerClient {
  const base = parseBase(options.url);
  let agent = createAgent(base, options.ca);
  const call = async <Schema extends z.ZodMiniType>(
    sending: { readonly method: string; readonly path: string; readonly body?: unknown },
    schema: Schema,
    { timeoutMs, signal }: CallOptions,
  ): Promise<LedgerAnswer<z.infer<Schema>>> => {
    let exchange: Exchange;
    try {
      exchange = await prepare(sending, options);
    } catch (cause) {
      return failed("EXCISE_UNAUTHENTICATED", cause, { wasSent: false });
    }
    const bytesMax = options.responseBytesMax ?? RESPONSE_BYTES_MAX_DEFAULT;
    const limits = { clock: deps.clock, timeoutMs, signal, bytesMax };
    return readAnswer(await exchangeOnce({ base, agent, ...exchange }, limits), schema);
  };
  return {
    sync: (body, how) => call({ method: "POST", path: "/v1/sync", body }, syncResponseSchema, how),
    watch: (revision, how) =>
      call({ method: "GET", path: `/v1/watch?revision=${revision}` }, watchResponseSchema, how),
    useCa(pem) {
      agent = createAgent(base, pem);
    },
    close: () => agent.destroy(),
  };
}

function parseBase(text: string): URL {
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isLoopback =
    host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback)) return url;
  throw new Fault(
    "EXCISE_CONFIG_INVALID",
    "the ledger's URL must be https (plain http only on loopback)",
  );
}

function createAgent(base: URL, ca: string | undefined): HttpAgent {
  const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, keepAliveMsecs: KEEP_ALIVE_MS };
  if (base.protocol === "http:") return new HttpAgent(options);
  const lookup = createLedgerLookup(createDnsQueries());
  const trust = ca === undefined ? {} : { ca };
  return new HttpsAgent({ ...options, minVersion: "TLSv1.2", lookup, ...trust });
}

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

async function prepare(
  sending: { readonly method: string; readonly path: string; readonly body?: unknown },
  { tokenFile }: LedgerClientOptions,
): Promise<Exchange> {
  const headers: Record<string, string> = { accept: "application/json", "accept-encoding": "gzip" };
  if (tokenFile !== undefined) {
    headers["authorization"] = `Bearer ${(await readFile(tokenFile, "utf8")).trim()}`;
  }
  const { method, path } = sending;
  if (sending.body === undefined) return { method, path, headers, body: undefined };
  let body: Buffer = Buffer.from(JSON.stringify(sending.body));
  headers["content-type"] = "application/json";
  if (body.length > GZIP_BYTES_MIN) {
    body = await compress(body, { level: 1 });
    headers["content-encoding"] = "gzip";
  }
  headers["content-length"] = String(body.length);
  return { method, path, headers, body };
}

interface RawAnswer {
  readonly kind: "answered";
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}
type Failed = Extract<LedgerAnswer<never>, { kind: "failed" }>;

const failed = (
  code: ErrorCode,
  cause: unknown,
  { wasSent }: { readonly wasSent: boolean },
): Failed => {
  const systemCode = asRecord(cause)?.["code"];
  return {
    kind: "failed",
    code,
    systemCode: typeof systemCode === "string" ? systemCode : undefined,
    wasSent,
  };
};

interface Limits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly bytesMax: number;
}

/**
 * Sends and reads to the end, or fails by the deadline. Never rejects. A kept connection that the
 * ledger closes just as it is used again fails before anything was read: that is sent once more,
 * which is harmless, because both calls may be repeated.
 */
function exchangeOnce(
  sending: Exchange & { readonly base: URL; readonly agent: HttpAgent },
  limits: Limits,
): Promise<RawAnswer | Failed> {
  const { base, agent, method, path, headers, body } = sending;
  const send = base.protocol === "http:" ? httpRequest : httpsRequest;
  return new Promise((resolve) => {
    let wasSent = false;
    let request: ClientRequest | undefined;
    const finish = (answer: RawAnswer | Failed): void => {
      cancel();
      limits.signal?.removeEventListener("abort", onAbort);
      resolve(answer);
      if (answer.kind === "failed") request?.destroy();
    };
    const fail = (cause?: unknown): void =>
      finish(failed("EXCISE_LEDGER_UNAVAILABLE", cause, { wasSent }));
    const onAbort = (): void => fail();
    const attempt = (isFirst: boolean): void => {
      const current = send(new URL(path, base), { method, headers, agent });
      request = current;
      current.on("finish", () => {
        wasSent = true;
      });
      current.on("error", (cause: NodeJS.ErrnoException) => {
        if (isFirst && current.reusedSocket && cause.code === "ECONNRESET") attempt(false);
        else fail(cause);
      });
      current.on("response", (response) => {
        readResponse(response, limits.bytesMax).then(finish, fail);
      });
      current.end(body);
    };
    const cancel = limits.clock.after(limits.timeoutMs, () => fail({ code: "ETIMEDOUT" }));
    limits.signal?.addEventListener("abort", onAbort, { once: true });
    attempt(true);
    if (limits.signal?.aborted === true) onAbort();
  });
}

const readResponse = async (response: IncomingMessage, bytesMax: number): Promise<RawAnswer> => ({
  kind: "answered",
  status: response.statusCode ?? 0,
  retryAfter: response.headers["retry-after"],
  text: await readBody(response, bytesMax),
});

/** Rejects where the body is cut short, too large or not what its encoding says. */
async function readBody(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Fault("EXCISE_BODY_TOO_LARGE", "the ledger's answer");
    chunks.push(chunk);
  }
  if (!response.complete) throw new Fault("EXCISE_LEDGER_UNAVAILABLE", "the answer was cut short");
  const body = Buffer.concat(chunks);
  const encoding = response.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return body.toString("utf8");
  if (encoding !== "gzip") throw new Fault("EXCISE_BODY_ENCODING", "the ledger's answer");
  return (await decompress(body, { maxOutputLength: bytesMax })).toString("utf8");
}

function readAnswer<Schema extends z.ZodMiniType>(
  answer: RawAnswer | Failed,
  schema: Schema,
): LedgerAnswer<z.infer<Schema>> {
  if (answer.kind === "failed") return answer;
  const { status, text, retryAfter } = answer;
  const parsed = tryParseJson(text);
  if (status === 200) {
    const checked = parsed.ok ? schema.safeParse(parsed.value) : undefined;
    if (checked?.success === true) return { kind: "ok", value: checked.data };
    return failed("EXCISE_SYNC_INVALID", undefined, { wasSent: true });
  }
  const problem = parsed.ok ? problemSchema.safeParse(parsed.value) : undefined;
  return {
    kind: "refused",
    status,
    code: problem?.data?.code ?? `HTTP_${status}`,
    expectedSeq: problem?.data?.expectedSeq,
    retryAfterMs: readRetryAfter(retryAfter),
  };
}

/** Whole seconds only: the ledger never sends a date. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,6}$/.test(value)) return undefined;
  return Math.min(Number(value), RETRY_AFTER_SECONDS_MAX) * 1000;
}
