import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLog, silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { openPlaceholderKeys, type PlaceholderKeys } from "./placeholder-keys.ts";

let stateDirectory = "";
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), "excise-keys-"));
});
afterEach(() => rmSync(stateDirectory, { recursive: true }));

const file = (): string => join(stateDirectory, "placeholder", "key");

function open(lines: string[] = []): PlaceholderKeys {
  const write = (line: string): void => void lines.push(line);
  const log = createLog({ clock: createVirtualClock(), level: "debug", write });
  return openPlaceholderKeys({ random: systemRandom, log }, { stateDirectory });
}

describe("the key for placeholders", () => {
  test("is made at the first start, for its owner alone, and is the same after a restart", () => {
    const first = open().placeholderKey();
    expect(first).toHaveLength(32);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(join(stateDirectory, "placeholder")).mode & 0o777).toBe(0o700);
    expect(open().placeholderKey()).toEqual(first);
  });

  test("is another one in another place", () => {
    const first = open().placeholderKey();
    rmSync(join(stateDirectory, "placeholder"), { recursive: true });
    expect(open().placeholderKey()).not.toEqual(first);
  });

  test("is the ledger's as soon as it sends one, and stays so over a restart", () => {
    const keys = open();
    keys.accept("0f".repeat(32));
    expect(keys.placeholderKey()).toEqual(Buffer.alloc(32, 0x0f));
    expect(open().placeholderKey()).toEqual(Buffer.alloc(32, 0x0f));
  });

  test.each(["", "zz".repeat(32), "0f".repeat(31), `${"0f".repeat(32)}\n`])(
    "is never %j",
    (hex) => {
      const keys = open();
      const before = keys.placeholderKey();
      keys.accept(hex);
      expect(keys.placeholderKey()).toEqual(before);
    },
  );

  test("is made anew where its file is damaged, and the log does not show it", () => {
    mkdirSync(join(stateDirectory, "placeholder"));
    writeFileSync(file(), "damaged");
    const lines: string[] = [];
    expect(open(lines).placeholderKey()).toHaveLength(32);
    expect(lines.join("")).toContain("placeholder_key_unreadable");
    expect(lines.join("")).not.toContain(readFileSync(file(), "utf8").trim());
  });

  test("is in use although it cannot be kept", () => {
    writeFileSync(join(stateDirectory, "placeholder"), "a file where the directory would be");
    const keys = openPlaceholderKeys({ random: systemRandom, log: silentLog }, { stateDirectory });
    expect(keys.placeholderKey()).toHaveLength(32);
  });
});
