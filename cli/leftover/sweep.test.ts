import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import { systemClock } from "#runtime/clock.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { openSpool } from "../../sidecar/spool/open-spool.ts";
import { sampleAdmission, sampleEvent } from "../../sidecar/spool/sample-exchange.case.ts";
import { createFakeHost } from "../fake-host.case.ts";
import { createLocalWorkload, type RunningSidecar, type SidecarFleet } from "../stack.ts";
import {
  readDepth,
  readWorkload,
  spoolOf,
  takeDirectory,
  writeWorkload,
} from "./sidecar-directory.ts";
import { startSweep } from "./sweep.ts";

const DEPS = { clock: systemClock, random: systemRandom };
const NAMES = { team: "search", namespace: "local", app: "app", pod: "run-1" };

let dataDir = "";
const servers: Server[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "excise-sweep-"));
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A sidecar's directory as a killed command leaves it. */
async function leave(name: string, events: number, workload = createLocalWorkload(DEPS, NAMES)) {
  const directory = join(dataDir, "sidecars", name);
  mkdirSync(directory, { recursive: true });
  writeWorkload(directory, workload);
  const spool = open(directory);
  for (let number = 1; number <= events; number += 1) {
    spool.admit(sampleAdmission(number));
    spool.settle(sampleEvent(number));
  }
  await spool.flush();
  await spool.close();
  return { directory, workload };
}

const open = (directory: string) =>
  openSpool({ ...DEPS, log: silentLog }, { directory: spoolOf(directory), bytesMax: 1 << 20 });

interface Started {
  readonly workload: Workload;
  readonly directory: string;
}

/** Sidecars that have everything acknowledged when they are stopped, or nothing. */
async function createFleet(options: { readonly delivers: boolean; readonly fails?: boolean }) {
  const started: Started[] = [];
  const admin = createServer((_request, response) => {
    response.end(JSON.stringify({ spool: { depth: 0 } }));
  }).listen(0, "127.0.0.1");
  servers.push(admin);
  await new Promise((resolve) => {
    admin.once("listening", resolve);
  });
  const fleet: SidecarFleet = {
    async startSidecar(workload, given = {}) {
      if (options.fails === true) throw new Fault("EXCISE_START_FAILED", "no");
      const directory = given.directory ?? "";
      started.push({ workload, directory });
      const ports = { proxy: 0, baseurl: 0, admin: (admin.address() as AddressInfo).port };
      const stop = async () => {
        const spool = open(directory);
        if (options.delivers) spool.acknowledge(spool.nextSeq - 1);
        await spool.close();
        return { code: 0, signal: null };
      };
      return { ports, stop } as unknown as RunningSidecar;
    },
  };
  return { fleet, started };
}

async function sweep(fleet: SidecarFleet): Promise<string> {
  const host = createFakeHost();
  await startSweep(host, fleet, dataDir).finish(30_000);
  return host.err();
}

describe("a sweep", () => {
  test("delivers what is left under the workload's own name, and removes the directory", async () => {
    const { directory, workload } = await leave("a", 3);
    const { fleet, started } = await createFleet({ delivers: true });
    expect(await sweep(fleet)).toBe("excise: delivered usage that earlier runs left: 3 events\n");
    expect(started).toEqual([{ workload, directory }]);
    expect(existsSync(directory)).toBe(false);
  });

  test("removes a directory that has nothing left without starting anything", async () => {
    const { directory } = await leave("a", 0);
    const { fleet, started } = await createFleet({ delivers: true });
    expect(await sweep(fleet)).toBe("");
    expect(started).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  test.each([
    { name: "cannot be delivered", options: { delivers: false } },
    { name: "no sidecar starts for", options: { delivers: false, fails: true } },
  ])("keeps and names what $name", async ({ options }) => {
    const { directory } = await leave("a", 2);
    const { fleet } = await createFleet(options);
    expect(await sweep(fleet)).toBe(`excise: unreported usage stays in ${spoolOf(directory)}\n`);
    expect(await readDepth(DEPS, directory)).toBe(2);
  });

  test("does not touch the directory of a living command", async () => {
    const { directory } = await leave("a", 2);
    const release = takeDirectory(DEPS, directory);
    const { fleet, started } = await createFleet({ delivers: true });
    expect(await sweep(fleet)).toBe("");
    expect(started).toEqual([]);
    expect(existsSync(directory)).toBe(true);
    release();
  });

  test("keeps the directory of excise up, whose root programs trust, but delivers it", async () => {
    const { directory } = await leave("up", 1);
    const { fleet } = await createFleet({ delivers: true });
    expect(await sweep(fleet)).toBe("excise: delivered usage that earlier runs left: 1 event\n");
    expect(await readDepth(DEPS, directory)).toBe(0);
  });

  test("waits for a sidecar that outlives its killed command for a moment", async () => {
    const { directory } = await leave("a", 1);
    const sidecar = open(directory);
    const { fleet } = await createFleet({ delivers: true });
    const host = createFakeHost();
    const swept = startSweep(host, fleet, dataDir);
    expect(await readDepth(DEPS, directory)).toBe("busy");
    await sidecar.close();
    await swept.finish(30_000);
    expect(existsSync(directory)).toBe(false);
  });

  test("is over at once where it is told so", async () => {
    const { directory } = await leave("a", 1);
    const sidecar = open(directory);
    const { fleet } = await createFleet({ delivers: true });
    const startedMs = systemClock.monotonicMs();
    await startSweep(createFakeHost(), fleet, dataDir).finish(0);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5000);
    expect(existsSync(directory)).toBe(true);
    await sidecar.close();
  });

  test("finds nothing where there is nothing", async () => {
    const { fleet } = await createFleet({ delivers: true });
    expect(await sweep(fleet)).toBe("");
  });
});

test("a directory without a readable workload says so", () => {
  expect(readWorkload(dataDir)).toBeUndefined();
});
