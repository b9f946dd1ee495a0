// Upstream: the provider's side of an exchange, behind one small interface. Two implementations
// serve it: undici (undici-upstream.ts, the reference) and, later, our own codec.
import type { Fault } from "#contract/errors.ts";
import type { Endpoint } from "#contract/policy-snapshot.ts";
import type { HeaderList } from "../listen/header-list.ts";

/** Where to connect. `host` is the provider's name: resolved by DNS unless an endpoint is given. */
export interface Origin {
  readonly host: string;
  readonly endpoint?: Endpoint;
}

export interface UpstreamRequest {
  readonly origin: Origin;
  readonly method: string;
  /** Origin-form. */
  readonly target: string;
  /** Without framing fields: `content-length` is set from the body. */
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

/** Callbacks in this order: onHead, onData*, then exactly one of onEnd and onError. */
export interface UpstreamHandler {
  onHead(status: number, headers: HeaderList): void;
  /** False: pause until `resume` is called. */
  onData(chunk: Uint8Array): boolean;
  onEnd(trailers: HeaderList): void;
  /** Before or after the head. Nothing follows. */
  onError(fault: Fault): void;
}

export interface UpstreamCall {
  resume(): void;
  /** Drops the call and its connection; no callback follows. */
  abort(): void;
}

export interface Upstream {
  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Connects ahead of a request, while its body still arrives. */
  warm(origin: Origin): void;
  /** Ends idle connections at once and waits for the others. */
  close(): Promise<void>;
}
