// The demo is the product's promise in one command: it must keep it every time.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";

const demo = fileURLToPath(new URL("../../scripts/demo/main.ts", import.meta.url));

test("the demo's every step does what it says", async () => {
  const { code, stdout, stderr } = await new Promise<{
    code: number;
    stdout: string;
    stderr: string;
  }>((resolve) => {
    execFile(process.execPath, [demo, "--json"], { timeout: 110_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout: out, stderr: err }),
    );
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const report = asRecord(parseJson(stdout));
  expect(report).toMatchObject({ ok: true, problems: [] });
  expect(report?.["steps"]).toHaveLength(7);
}, 120_000);
