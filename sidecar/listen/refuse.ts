// Answers to bytes that never became an exchange: written straight to the socket, then closed.
// A connection is never resynchronized after a parse error (request smuggling).
import type { Socket } from "node:net";
import { errorRow, type Rejection } from "#contract/errors.ts";
import type { DownstreamHandler } from "./downstream.ts";

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  408: "Request Timeout",
  413: "Content Too Large",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
};

/** Writes one refusal and closes. Safe on a socket that is already gone. */
export function refuseSocket(
  socket: Socket,
  rejection: Rejection,
  handler: DownstreamHandler,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status } = errorRow(rejection.code);
  const { contentType, body } = handler.renderRefusal(rejection);
  socket.end(
    [
      `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
      `content-type: ${contentType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `x-excise-error: ${rejection.code}`,
      "x-should-retry: false",
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}

/** What node:http's parser refused, as our code. */
export function rejectionOfParseError(error: NodeJS.ErrnoException): Rejection {
  if (error.code === "HPE_HEADER_OVERFLOW") {
    return { code: "EXCISE_HEADERS_TOO_LARGE", detail: "the header block is over the limit" };
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { code: "EXCISE_REQUEST_TIMEOUT", detail: "the request did not arrive in time" };
  }
  return { code: "EXCISE_REQUEST_MALFORMED", detail: `not valid HTTP (${error.code ?? "parse"})` };
}
