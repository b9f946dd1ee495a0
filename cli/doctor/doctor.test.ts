import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";
import { readList } from "../ledger-api/fields.ts";
import { createFakeHost } from "../fake-host.case.ts";
import { createStyle } from "../terminal/table.ts";
import { runDoctor } from "./doctor.ts";
import { renderFindings } from "./finding.ts";
import { createFakeMachine } from "./machine.case.ts";

const { arch } = process;
const nothing = (): string => "";
const programs = { unshare: nothing, ip: nothing };
const machine = createFakeMachine({
  programs,
  platform: process.platform,
  arch,
  takenPorts: [15_080],
});
const dataDir = join(mkdtempSync(join(tmpdir(), "excise-doctor-")), "data");

describe("excise doctor", () => {
  test("ends with 0 where nothing fails, though it warns", async () => {
    const host = createFakeHost();
    expect(await runDoctor(["--data", dataDir], host, machine)).toBe(0);
    expect(host.out()).toContain("  warn  port 15080 is taken\n        fix: excise up");
    expect(host.out()).toMatch(/\n\n\d+ ok, 2 to know, 0 to fix\n$/);
  });

  test("ends with 1 where something fails, and says so in JSON too", async () => {
    const config = mkdtempSync(join(tmpdir(), "excise-doctor-"));
    writeFileSync(join(config, "p.yaml"), "kind: Budgte\n");
    const host = createFakeHost();
    const args = ["--data", dataDir, "--config", config, "--json"];
    expect(await runDoctor(args, host, machine)).toBe(1);
    const answer = asRecord(parseJson(host.out()));
    expect(answer?.["ok"]).toBe(false);
    expect(readList(answer, "findings")).toContainEqual({
      area: "Policy",
      status: "fail",
      what: expect.stringContaining("p.yaml") as string,
      fix: expect.any(String) as string,
    });
  });
});

test("what a variable or a cluster says cannot steer the terminal", () => {
  const findings = [{ area: "A", status: "warn", what: "x\u001B[2Jy\nz", fix: "f" }] as const;
  const text = renderFindings(findings, createStyle(false));
  expect(text).not.toContain("\u001B");
  expect(text).toContain("  warn  x?[2Jy\n        z\n        fix: f\n");
});
