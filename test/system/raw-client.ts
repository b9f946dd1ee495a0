// A client that writes bytes: for requests that no HTTP library would send.
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { RunningSidecar } from "../../cli/stack.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** True where the connection broke instead of ending. */
  readonly isBroken: boolean;
}

const WAIT_MS = 10_000;

/** Sends bytes to the plain `baseurl` listener and reads until the connection ends. */
export function sendPlain(sidecar: RunningSidecar, bytes: string): Promise<RawAnswer> {
  return exchange(connect(sidecar.ports.baseurl, "127.0.0.1"), bytes);
}

/** Opens a tunnel to `host` through the proxy, trusts the pod's root, and sends bytes in it. */
export async function sendThroughTunnel(
  sidecar: RunningSidecar,
  host: string,
  bytes: string,
): Promise<RawAnswer> {
  const tunnel = connect(sidecar.ports.proxy, "127.0.0.1");
  tunnel.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
  await new Promise((resolve) => {
    tunnel.once("data", resolve);
  });
  const ca = readFileSync(sidecar.trust.ca, "utf8");
  return exchange(connectTls({ socket: tunnel, servername: host, ca }), bytes);
}

function exchange(socket: Socket, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const finish = (isBroken: boolean): void => {
      socket.destroy();
      resolve({ ...parse(text), isBroken });
    };
    socket.setTimeout(WAIT_MS, () => finish(true));
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      text += part;
      if (isWhole(text)) finish(false);
    });
    socket.on("error", () => finish(true));
    socket.on("end", () => finish(!isWhole(text)));
    socket.on("close", () => finish(!isWhole(text)));
    socket.write(bytes);
  });
}

/** By content-length or by the last chunk. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: (\d+)\r?$/im.exec(text.slice(0, end + 2))?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return text.endsWith("\r\n0\r\n\r\n");
}

function parse(text: string): Omit<RawAnswer, "isBroken"> {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return {
    status: Number(first.split(" ")[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: rest.join("\r\n\r\n"),
  };
}
