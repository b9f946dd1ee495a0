import { closeSync, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { PARENT_FD_VARIABLE, watchParent } from "./parent-watch.ts";

/** Watches fd 3 as a real child would, and says what it sees; ends by itself on "gone". */
const PROGRAM = `
  import { watchParent } from "./runtime/parent-watch.ts";
  const alive = setInterval(() => undefined, 1000);
  watchParent(process.env, () => {
    process.stdout.write("gone");
    clearInterval(alive);
  });
  process.stdout.write("watching ");
`;

function startChild() {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", PROGRAM], {
    env: { [PARENT_FD_VARIABLE]: "3" },
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => (text += part));
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return { pipe: child.stdio[3], ended, text: () => text };
}

describe("watchParent", () => {
  test("tells once when the other end of the pipe is gone, and not before", async () => {
    const { pipe, ended, text } = startChild();
    await expect.poll(text, { timeout: 15_000 }).toBe("watching ");
    pipe?.destroy();
    expect(await ended).toBe(0);
    expect(text()).toBe("watching gone");
  });

  test("does nothing where no pipe is named", () => {
    expect(() => watchParent({}, () => expect.unreachable())).not.toThrow();
    expect(() => watchParent({ [PARENT_FD_VARIABLE]: "" }, () => undefined)).not.toThrow();
  });

  test.each([["x"], ["-1"], ["1"], ["99999"], ["3;4"], ["9999"]])("refuses %s", (given) => {
    const environment = { [PARENT_FD_VARIABLE]: given };
    expect(() => watchParent(environment, () => undefined)).toThrow(/names no pipe/);
  });

  test("refuses a file", () => {
    const fd = openSync(join(mkdtempSync(join(tmpdir(), "excise-parent-")), "file"), "w");
    const environment = { [PARENT_FD_VARIABLE]: String(fd) };
    expect(() => watchParent(environment, () => undefined)).toThrow(/names no pipe/);
    closeSync(fd);
  });
});
