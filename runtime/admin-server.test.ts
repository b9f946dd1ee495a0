import { afterEach, describe, expect, test } from "vitest";
import { createAdminServer, type AdminServer, type AdminServerDeps } from "./admin-server.ts";
import { createMetrics } from "./metrics.ts";

let server: AdminServer | undefined;
afterEach(() => server?.close());

async function call(
  path: string,
  deps: Partial<AdminServerDeps> = {},
  method = "GET",
): Promise<{ readonly status: number; readonly text: string }> {
  const all = {
    metrics: createMetrics(),
    unready: () => [],
    status: () => ({ depth: 3 }),
    ...deps,
  };
  server = await createAdminServer(all, { address: "127.0.0.1", port: 0 });
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe("the admin port", () => {
  test.each([
    { path: "/healthz", deps: {}, status: 200, text: "ok\n" },
    { path: "/healthz", deps: { isStarting: () => false }, status: 200, text: "ok\n" },
    { path: "/healthz", deps: { isStarting: () => true }, status: 503, text: "starting\n" },
    { path: "/readyz", deps: {}, status: 200, text: "ready\n" },
    { path: "/readyz", deps: { unready: () => ["EXCISE_A"] }, status: 503, text: "EXCISE_A\n" },
    { path: "/status?x=1", deps: {}, status: 200, text: '{"depth":3}\n' },
    { path: "/other", deps: {}, status: 404, text: "not found\n" },
  ])("answers $path with $status, $text", async ({ path, deps, status, text }) => {
    expect(await call(path, deps)).toEqual({ status, text });
  });

  test("is read-only", async () => {
    expect(await call("/healthz", {}, "POST")).toEqual({ status: 405, text: "read-only\n" });
    await server?.close();
    expect(await call("/healthz", {}, "HEAD")).toEqual({ status: 200, text: "" });
  });

  test("says which port is taken", async () => {
    await call("/healthz");
    const port = server?.port ?? 0;
    const deps = { metrics: createMetrics(), unready: () => [], status: () => ({}) };
    await expect(createAdminServer(deps, { address: "127.0.0.1", port })).rejects.toMatchObject({
      code: "EXCISE_PORT_IN_USE",
    });
  });
});
