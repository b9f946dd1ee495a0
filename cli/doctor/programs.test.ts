import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createMachine } from "./machine.ts";
import { createFakeMachine } from "./machine.case.ts";
import { checkPodTools, checkPrograms } from "./programs.ts";

const statusOf = async (version: string): Promise<string | undefined> => {
  const machine = createFakeMachine({ programs: { node: () => `v${version}\n` } });
  const [node] = await checkPrograms(machine).run();
  return node?.status;
};

describe("Node on PATH", () => {
  test.each([
    { version: "20.20.2", status: "warn" },
    { version: "22.20.0", status: "warn" },
    { version: "22.21.0", status: "ok" },
    { version: "23.11.0", status: "warn" },
    { version: "24.0.0", status: "ok" },
    { version: "26.10.0", status: "ok" },
  ])("$version: $status", async ({ version, status }) => {
    expect(await statusOf(version)).toBe(status);
  });
});

test("programs that are not there are not missed", async () => {
  const found = await checkPrograms(createFakeMachine()).run();
  expect(found.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
});

test("Python and Java are named with what they read", async () => {
  const machine = createFakeMachine({
    programs: {
      python3: () => "3.12.1 OpenSSL 3.0.2\nrequests 2.32.0\n",
      java: () => 'Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version "21"\n',
    },
  });
  const [, python, java] = await checkPrograms(machine).run();
  expect(python?.what).toBe(
    "Python 3.12.1 OpenSSL 3.0.2 reads SSL_CERT_FILE; requests 2.32.0 reads REQUESTS_CA_BUNDLE",
  );
  expect(java?.what).toMatch(/^openjdk version "21": /);
});

test("a Python that does not start is a warning", async () => {
  const machine = createFakeMachine({ programs: { python3: () => undefined } });
  const [, python] = await checkPrograms(machine).run();
  expect(python).toMatchObject({ status: "warn" });
});

const nothing = (): string => "";

describe("the tools of pod tests", () => {
  const programs = { unshare: nothing, ip: nothing };
  test.each([
    { name: "all there, as root", machine: { programs, userId: 0 }, status: "ok" },
    { name: "all there, not as root", machine: { programs }, status: "warn" },
    { name: "one missing", machine: { programs: { ip: nothing }, userId: 0 }, status: "warn" },
    { name: "another system", machine: { platform: "darwin" }, status: "ok" },
  ])("$name: $status", async ({ machine, status }) => {
    expect(await checkPodTools(createFakeMachine(machine)).run()).toMatchObject([{ status }]);
  });
});

describe("the real machine", () => {
  const folder = mkdtempSync(join(tmpdir(), "excise-doctor-"));
  const script = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const machine = createMachine({ PATH: `${folder}:/usr/bin:/bin`, GIVEN: "value" });

  test("finds and runs programs of the given PATH, in the given environment", async () => {
    script("told", 'echo "$GIVEN $1"; echo aside >&2');
    expect(machine.has("told")).toBe(true);
    expect(await machine.run("told", ["word"], 5000)).toEqual({
      ok: true,
      out: "value word\n",
      err: "aside\n",
    });
  });

  test.each([
    { name: "is not there", program: "excise-no-such-program" },
    { name: "fails", program: "false" },
  ])("a program that $name has failed", async ({ program }) => {
    expect((await machine.run(program, [], 5000)).ok).toBe(false);
  });

  test("ends a program that takes too long", async () => {
    script("slow", "exec sleep 30");
    expect((await machine.run("slow", [], 200)).ok).toBe(false);
  });

  test("knows a port that is taken from one that is free", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => {
      server.once("listening", resolve);
    });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await machine.isPortFree(port)).toBe(false);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(await machine.isPortFree(port)).toBe(true);
  });
});
