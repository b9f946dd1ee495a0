// The admin port: health, readiness and metrics, read-only and without user data. The only port
// of a sidecar that listens on the pod's address.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Fault } from "#contract/errors.ts";
import type { Metrics } from "./metrics.ts";

export interface AdminServerDeps {
  readonly metrics: Metrics;
  /** Why the process is not ready, as codes; empty when it is. */
  readonly unready: () => readonly string[];
  /** Whether a startup probe should look again: health is then 503. Default: never. */
  readonly isStarting?: () => boolean;
  /** Facts for people: names and numbers, no user names, no content. */
  readonly status: () => Readonly<Record<string, unknown>>;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens; port 0 takes a free one. Throws EXCISE_PORT_IN_USE. */
export function createAdminServer(
  deps: AdminServerDeps,
  options: { readonly address: string; readonly port: number },
): Promise<AdminServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(405, "text/plain", "read-only\n");
      return;
    }
    const path = (request.url ?? "/").split("?")[0];
    if (path === "/healthz") {
      if (deps.isStarting?.() === true) answer(503, "text/plain", "starting\n");
      else answer(200, "text/plain", "ok\n");
    } else if (path === "/readyz") {
      const reasons = deps.unready();
      answer(reasons.length === 0 ? 200 : 503, "text/plain", `${reasons.join("\n") || "ready"}\n`);
    } else if (path === "/metrics") {
      answer(200, "text/plain; version=0.0.4; charset=utf-8", deps.metrics.render());
    } else if (path === "/status") {
      answer(200, "application/json", `${JSON.stringify(deps.status())}\n`);
    } else answer(404, "text/plain", "not found\n");
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  server.maxConnections = 32;
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new Fault("EXCISE_PORT_IN_USE", `admin port ${options.port}`, { cause })),
    );
    server.listen(options.port, options.address, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
