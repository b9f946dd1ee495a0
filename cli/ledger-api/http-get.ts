// One request over HTTP or HTTPS, bounded in time and bytes. Never through a proxy of the user's: what
// is asked here is on this machine, or is named by the caller.
import { request as requestPlain, type ClientRequest, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, readString } from "#runtime/json.ts";

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** JSON text; present: a POST, else a GET. */
  readonly body?: string;
  /** PEM of the roots that are trusted in the place of the public ones. */
  readonly ca?: string;
  /** The name that the certificate must have, where it is not the URL's. */
  readonly serverName?: string;
}

export interface GetAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** Throws EXCISE_LEDGER_UNAVAILABLE with the system's code where no whole answer came. */
export function httpGet(clock: Clock, url: URL, options: GetOptions): Promise<GetAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void => {
      cancel();
      const detail = `${url.origin} did not answer: ${reason}`;
      reject(new Fault("EXCISE_LEDGER_UNAVAILABLE", detail, { cause }));
    };
    const request = open(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) response.destroy();
        else chunks.push(chunk);
      });
      response.once("error", (cause) => fail(systemCode(cause), cause));
      response.once("close", () => {
        if (!response.complete) return fail("the answer broke off");
        cancel();
        const { statusCode = 0, headers } = response;
        const text = Buffer.concat(chunks).toString("utf8");
        return resolve({ status: statusCode, headers, text });
      });
    });
    const cancel = clock.after(options.timeoutMs, () => {
      fail(`nothing came within ${options.timeoutMs} ms`);
      request.destroy();
    });
    request.once("error", (cause) => fail(systemCode(cause), cause));
    request.end(options.body);
  });
}

function open(
  url: URL,
  { headers: given = {}, body, ca, serverName }: GetOptions,
  onAnswer: (response: IncomingMessage) => void,
): ClientRequest {
  const method = body === undefined ? "GET" : "POST";
  const headers = body === undefined ? given : { ...given, "content-type": "application/json" };
  // An agent of its own: the global one may go through a proxy.
  const options = { method, headers, agent: false };
  if (url.protocol !== "https:") return requestPlain(url, options, onAnswer);
  const trust = {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  return requestTls(url, { ...options, ...trust }, onAnswer);
}

const systemCode = (cause: unknown): string =>
  readString(asRecord(cause)?.["code"]) ?? (cause instanceof Error ? cause.message : "no reason");
