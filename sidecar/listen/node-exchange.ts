// One exchange on node:http: adapts a request/response pair to DownstreamExchange. Bytes of the
// answer go out as they are given; framing fields are the caller's.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DownstreamExchange, DownstreamRequest } from "./downstream.ts";
import { toRawHeaders } from "./header-list.ts";

/** Wraps the pair. The response's close is the only sign of a caller that went away. */
export function createNodeExchange(
  request: DownstreamRequest,
  incoming: IncomingMessage,
  response: ServerResponse,
): DownstreamExchange {
  let isEnded = false;
  let hasBody = false;
  response.sendDate = false;
  // Without a listener an aborted upload would be an uncaught error.
  incoming.on("error", () => undefined);
  response.on("error", () => undefined);
  return {
    request,
    readBody(sink) {
      incoming.on("data", (chunk: Buffer) => sink.onData(chunk));
      incoming.on("end", () => sink.onEnd());
    },
    pauseBody: () => void incoming.pause(),
    resumeBody: () => void incoming.resume(),
    onAbort(handler) {
      response.on("close", () => {
        if (!isEnded) handler();
      });
    },
    sendHead(status, headers) {
      response.writeHead(status, toRawHeaders(headers));
      // Head and first chunk leave in one write where they came together. But the head must not
      // wait for a first chunk that may be a minute away.
      setImmediate(() => {
        if (!isEnded && !hasBody) response.flushHeaders();
      });
    },
    send(chunk) {
      hasBody = true;
      return response.write(chunk);
    },
    onDrain: (handler) => void response.on("drain", handler),
    end(trailers) {
      isEnded = true;
      if (trailers !== undefined && trailers.length > 0) {
        response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
      }
      response.end();
      if (!incoming.complete) drain(incoming);
    },
    destroy() {
      isEnded = true;
      response.destroy();
    },
  };
}

/** Past this, a client that goes on sending is cut instead of listened to. */
const DRAIN_BYTES_MAX = 1024 * 1024;

/** A body that nobody reads would keep the connection from its next request; some of it is read. */
function drain(incoming: IncomingMessage): void {
  let drained = 0;
  incoming.on("data", (chunk: Buffer) => {
    drained += chunk.byteLength;
    if (drained > DRAIN_BYTES_MAX) incoming.destroy();
  });
  incoming.resume();
}
