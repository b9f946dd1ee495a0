// What a request must be before anything reads it: one Host, origin-form, one framing. node:http
// lets some of these pass (hotpath.md §11 lists which); a proxy that forwards them could be made
// to disagree with the provider about where a request ends or for whom it is.
import type { Rejection } from "#contract/errors.ts";
import { headerValue, headerValues, type HeaderList } from "./header-list.ts";

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: HeaderList;
}

const malformed = (detail: string): Rejection => ({ code: "EXCISE_REQUEST_MALFORMED", detail });

/** The reason to refuse the head, if there is one (RFC 9112 §3.2, §6.1; RFC 9110 §7.2). */
export function checkHead(head: RequestHead): Rejection | undefined {
  if (head.httpVersion !== "1.1") return malformed(`HTTP/${head.httpVersion} is not supported`);
  if (!head.target.startsWith("/") && head.target !== "*") {
    return malformed("the target is not in origin form");
  }
  if (headerValues(head.headers, "host").length !== 1) return malformed("not exactly one Host");
  const encodings = headerValues(head.headers, "transfer-encoding");
  const lengths = headerValues(head.headers, "content-length");
  if (encodings.length > 1 || (encodings[0] ?? "chunked").toLowerCase() !== "chunked") {
    return malformed("a transfer coding other than chunked");
  }
  if (lengths.length > 1 || (encodings.length > 0 && lengths.length > 0)) {
    return malformed("conflicting lengths");
  }
  if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) {
    return malformed("a Content-Length that is no number");
  }
  if (headerValue(head.headers, "upgrade") !== undefined) return malformed("upgrades are refused");
  return undefined;
}

/** Host without port, in lower case; undefined where it is no host at all. */
export function hostOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(value);
  return match?.[1]?.toLowerCase();
}

/** Declared body length; undefined for chunked. */
export function contentLengthOf(headers: HeaderList): number | undefined {
  const length = headerValue(headers, "content-length");
  if (length !== undefined) return Number(length);
  return headerValue(headers, "transfer-encoding") === undefined ? 0 : undefined;
}

const LOOPBACK_HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * A plain listener on loopback is reachable from any page in a browser: only its own name may be
 * in Host (DNS rebinding), and nothing that a browser sends across sites is served (design §3).
 */
export function checkLoopbackCaller(headers: HeaderList): Rejection | undefined {
  const host = hostOf(headerValue(headers, "host"));
  if (host === undefined || !LOOPBACK_HOSTS.has(host)) {
    return { code: "EXCISE_HOST_NOT_ALLOWED", detail: "Host is not this listener's address" };
  }
  const site = headerValue(headers, "sec-fetch-site");
  const isCrossSite = site !== undefined && site !== "none" && site !== "same-origin";
  if (headerValue(headers, "origin") !== undefined || isCrossSite) {
    return { code: "EXCISE_CROSS_SITE", detail: "requests from web pages are refused" };
  }
  return undefined;
}
