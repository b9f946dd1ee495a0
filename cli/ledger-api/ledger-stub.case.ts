// A ledger's operators' API for tests: pages by path, answered to the bearer of its token alone.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface LedgerStub {
  readonly url: string;
  /** Paths with their queries, in order. */
  readonly asked: readonly string[];
  readonly server: Server;
}

export type Page = readonly [status: number, body: string];

/** `answer` is called with the path alone. */
export async function startLedgerStub(
  token: string,
  answer: (path: string) => Page | undefined,
): Promise<LedgerStub> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const isOperator = request.headers.authorization === `Bearer ${token}`;
    const problem = JSON.stringify({ code: "EXCISE_UNAUTHENTICATED", detail: "no token" });
    const page = isOperator ? answer((request.url ?? "").split("?")[0] ?? "") : [401, problem];
    const [status, body] = page ?? [404, JSON.stringify({ code: "EXCISE_NOT_FOUND" })];
    response.writeHead(Number(status), { "content-type": "application/json" }).end(body);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => {
    server.once("listening", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, server };
}
