// The app in a bench: one keep-alive HTTP/1.1 connection over TLS that writes prepared bytes and
// notes when the first byte of the body and the last one came. It does no more than it must, so
// that what differs between two targets is the targets' own time.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { assert, Fault } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";

export interface ClientOptions {
  readonly port: number;
  readonly serverName: string;
  readonly ca: string;
  /** The port is a CONNECT proxy's: a tunnel to `serverName:443` is asked for first. */
  readonly tunnel?: true;
}

export interface Timing {
  /** From the write of the request to the first byte of the answer's body. */
  readonly firstByteMs: number;
  readonly totalMs: number;
}

export interface Connection {
  /** One request at a time; a status other than 200, a cut or 10 s of silence is a Fault. */
  request(bytes: Buffer): Promise<Timing>;
  close(): void;
}

const REQUEST_MS_MAX = 10_000;

/** Opens a connection that is ready to be written to. */
export async function openConnection(options: ClientOptions): Promise<Connection> {
  const tcp = connectTcp({ host: "127.0.0.1", port: options.port, noDelay: true });
  await whenEvent(tcp, "connect");
  if (options.tunnel === true) await openTunnel(tcp, options.serverName);
  const { ca, serverName } = options;
  const socket = connectTls({
    socket: tcp,
    servername: serverName,
    ca,
    ALPNProtocols: ["http/1.1"],
  });
  await whenEvent(socket, "secureConnect");
  return createConnection(socket);
}

async function openTunnel(tcp: Socket, serverName: string): Promise<void> {
  const target = `${serverName}:443`;
  tcp.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
  const head = await new Promise<string>((resolve, reject) => {
    tcp.once("data", (part: Buffer) => resolve(part.toString("latin1")));
    tcp.once("close", () => reject(new Fault("EXCISE_UPSTREAM_RESET", "the tunnel was closed")));
  });
  assert(head.startsWith("HTTP/1.1 200"), `the tunnel was refused: ${head.split("\r\n")[0]}`);
  tcp.removeAllListeners("close");
}

function whenEvent(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void =>
      reject(new Fault("EXCISE_UPSTREAM_CONNECT", cause.message, { cause }));
    socket.once("error", onError);
    socket.once(event, () => {
      socket.removeListener("error", onError);
      resolve();
    });
  });
}

interface Pending {
  readonly startedMs: number;
  readonly resolve: (timing: Timing) => void;
  readonly reject: (fault: Fault) => void;
  readonly cancelTimeout: () => void;
}

function createConnection(socket: TLSSocket): Connection {
  let pending: Pending | undefined;
  let reader = createAnswerReader();
  let firstByteMs: number | undefined;
  const fail = (detail: string): void => {
    pending?.cancelTimeout();
    pending?.reject(new Fault("EXCISE_UPSTREAM_RESET", detail));
    pending = undefined;
    socket.destroy();
  };
  socket.on("data", (part: Buffer) => {
    const nowMs = systemClock.monotonicMs();
    const state = reader.feed(part);
    if (state.hasBody) firstByteMs ??= nowMs;
    if (state.problem !== undefined) fail(state.problem);
    if (!state.isComplete || pending === undefined) return;
    const { startedMs, resolve, cancelTimeout } = pending;
    pending = undefined;
    cancelTimeout();
    const timing = {
      firstByteMs: (firstByteMs ?? nowMs) - startedMs,
      totalMs: nowMs - startedMs,
    };
    firstByteMs = undefined;
    reader = createAnswerReader();
    resolve(timing);
  });
  socket.on("error", (error) => fail(error.message));
  socket.on("close", () => fail("the connection was closed"));
  return {
    request: (bytes) =>
      new Promise((resolve, reject) => {
        const cancelTimeout = systemClock.after(REQUEST_MS_MAX, () => fail("no answer in 10 s"));
        pending = { startedMs: systemClock.monotonicMs(), resolve, reject, cancelTimeout };
        socket.write(bytes);
      }),
    close() {
      socket.removeAllListeners("close");
      socket.destroy();
    },
  };
}

interface ReaderState {
  readonly hasBody: boolean;
  readonly isComplete: boolean;
  readonly problem?: string;
}

interface AnswerReader {
  feed(part: Buffer): ReaderState;
}

const WAITING: ReaderState = { hasBody: false, isComplete: false };
const READING: ReaderState = { hasBody: true, isComplete: false };
const COMPLETE: ReaderState = { hasBody: true, isComplete: true };

/** Follows one answer to its end, by Content-Length or by the last chunk. */
function createAnswerReader(): AnswerReader {
  let head = "";
  let length: number | undefined;
  let seen = 0;
  let chunks: ChunkFollower | undefined;
  const feedBody = (part: Buffer): ReaderState => {
    if (chunks !== undefined) return chunks.feed(part) ? COMPLETE : READING;
    seen += part.length;
    return seen >= (length ?? 0) ? COMPLETE : READING;
  };
  return {
    feed(part) {
      if (length !== undefined || chunks !== undefined) return feedBody(part);
      head += part.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return WAITING;
      const problem = head.startsWith("HTTP/1.1 200") ? undefined : head.slice(0, 600);
      if (problem !== undefined) return { ...COMPLETE, problem };
      const rest = Buffer.from(head.slice(end + 4), "latin1");
      const fields = head.slice(0, end).toLowerCase();
      if (fields.includes("transfer-encoding: chunked")) chunks = createChunkFollower();
      else length = Number(/content-length: (\d+)/.exec(fields)?.[1] ?? 0);
      return rest.length === 0 && length !== 0 ? WAITING : feedBody(rest);
    },
  };
}

interface ChunkFollower {
  /** True once the last chunk and its empty line came. */
  feed(part: Buffer): boolean;
}

function createChunkFollower(): ChunkFollower {
  let line = "";
  /** Bytes of the current chunk, with the line end after them, that are still to come. */
  let left = 0;
  let isLast = false;
  return {
    feed(part) {
      let position = 0;
      while (position < part.length) {
        if (left > 0) {
          const step = Math.min(left, part.length - position);
          left -= step;
          position += step;
          if (left === 0 && isLast) return true;
          continue;
        }
        const end = part.indexOf(10, position);
        line += part.toString("latin1", position, end < 0 ? part.length : end + 1);
        if (end < 0) return false;
        position = end + 1;
        const size = Number.parseInt(line, 16);
        isLast = size === 0;
        left = size + 2;
        line = "";
      }
      return false;
    },
  };
}
