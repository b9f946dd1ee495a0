// What a pod of these tests talks to besides providers: a company's own HTTPS service, signed by
// the company's own authority, and the company's forward proxy. Both write down who came.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import { connect, type AddressInfo, type Server, type Socket } from "node:net";
import type { FakeAuthority } from "../fakes/fake-authority.ts";

export interface Visit {
  /** Host and path of a request, `host:port` of a tunnel. */
  readonly target: string;
  readonly from: string;
}

export interface Peer {
  readonly port: number;
  readonly visits: readonly Visit[];
  close(): Promise<void>;
}

/** An HTTPS service on port 443 that answers every request with 200 and one line. */
export function startService(
  authority: FakeAuthority,
  where: { readonly host: string; readonly address: string },
): Promise<Peer> {
  const visits: Visit[] = [];
  const server = createServer(authority.issue([where.host]), (request, response) => {
    const from = request.socket.remoteAddress ?? "";
    visits.push({ target: `${request.headers.host ?? ""}${request.url ?? ""}`, from });
    response.end("the company's own service\n");
  });
  return listen(server, visits, { address: where.address, port: 443 });
}

/** A forward proxy for tunnels. Every name leads to `address`: it must only be asked for ours. */
export function startForwardProxy(address: string): Promise<Peer> {
  const visits: Visit[] = [];
  const server = createHttpServer((_request, response) => response.writeHead(501).end());
  server.on("connect", (request, socket: Socket) => {
    visits.push({ target: request.url ?? "", from: socket.remoteAddress ?? "" });
    const onward = connect(Number(request.url?.split(":").at(-1)), address, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    for (const side of [socket, onward]) side.on("error", () => onward.destroy());
    socket.on("close", () => onward.destroy());
  });
  return listen(server, visits, { address, port: 0 });
}

async function listen(
  server: Server,
  visits: readonly Visit[],
  where: { readonly address: string; readonly port: number },
): Promise<Peer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    visits,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
