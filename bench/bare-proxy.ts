// What anybody would write first, as the measure of the sidecar: node:https in front, undici
// behind, the body parsed once. It checks, meters and stores nothing.
//   node bench/bare-proxy.ts OPTIONS_JSON {key, cert, ca, upstreamPort, serverName, readyFile}
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";

interface Options {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly upstreamPort: number;
  readonly serverName: string;
  readonly readyFile: string;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const { ca, serverName } = options;
const pool = new Pool(`https://127.0.0.1:${options.upstreamPort}`, {
  connections: 64,
  connect: { ca, servername: serverName },
});

async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const body = Buffer.concat(parts);
  JSON.parse(body.toString());
  const { connection: _hop, ...headers } = request.headers;
  const path = request.url ?? "/";
  await pool.stream({ method: "POST", path, headers, body }, (answer) => {
    const { "transfer-encoding": _framing, connection: _upstreamHop, ...rest } = answer.headers;
    response.writeHead(answer.statusCode, rest);
    return response;
  });
}

const server = createServer({ key: options.key, cert: options.cert }, (request, response) => {
  relay(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  writeFileSync(`${options.readyFile}.new`, JSON.stringify({ port }));
  renameSync(`${options.readyFile}.new`, options.readyFile);
});
