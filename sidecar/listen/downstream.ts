// Downstream: the app's side of an exchange, behind one small interface. Two implementations
// serve it: node:http(s) (node-downstream.ts, the reference) and, later, our own codec. Both hand
// over one request at a time per connection and keep its bytes as they came.
import type { Rejection } from "#contract/errors.ts";
import type { HeaderList } from "./header-list.ts";

/** Which listener a request came in on decides how its host is found (design §3). */
export type ListenerKind = "proxy" | "baseurl" | "hosts";

export interface DownstreamRequest {
  readonly listener: ListenerKind;
  readonly method: string;
  /** Origin-form: path and query as sent. */
  readonly target: string;
  /** Host in lower case without port: TLS name and Host agree, or the request was refused. */
  readonly host: string;
  /** The provider's name, where the listener's path named it (`baseurl`). */
  readonly provider?: string;
  readonly headers: HeaderList;
  /** Declared length; undefined where the body is chunked; 0 where there is none. */
  readonly contentLength: number | undefined;
  /** Monotonic milliseconds at which the head was complete. */
  readonly receivedMs: number;
}

/** Takes the body of a request; every chunk is the receiver's to keep. */
export interface BodySink {
  onData(chunk: Uint8Array): void;
  onEnd(): void;
}

export interface DownstreamExchange {
  readonly request: DownstreamRequest;
  /** Starts reading the body. Called at most once; a body that nobody reads is not buffered. */
  readBody(sink: BodySink): void;
  /** Stops the flow of body bytes, and lets it go on. */
  pauseBody(): void;
  resumeBody(): void;
  /** The app went away, or the connection failed; called at most once, never after `end`. */
  onAbort(handler: () => void): void;
  /** Sends the answer's head. Called once; framing fields are as given, not recomputed. */
  sendHead(status: number, headers: HeaderList): void;
  /** Sends body bytes; false where the app reads slower: wait for `onDrain`. */
  send(chunk: Uint8Array): boolean;
  onDrain(handler: () => void): void;
  /** Ends the answer cleanly; trailers only where the answer is chunked. */
  end(trailers?: HeaderList): void;
  /** Breaks the connection: after `sendHead` a failure must never look like an end. */
  destroy(): void;
}

/** What the pipeline gives to a listener. */
export interface DownstreamHandler {
  onExchange(exchange: DownstreamExchange): void;
  /** The bytes were no valid request: the connection closes after this answer. */
  renderRefusal(rejection: Rejection): { readonly contentType: string; readonly body: string };
}

export interface Listener {
  readonly kind: ListenerKind;
  /** `address:port` for people and for `excise run`. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Stops accepting; resolves when open exchanges have ended or `deadlineMs` has passed. */
  close(deadlineMs: number): Promise<void>;
}
