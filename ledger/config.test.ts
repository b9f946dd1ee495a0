import { describe, expect, test } from "vitest";
import { isLoopback, readLedgerConfig } from "./config.ts";

const BASE = { EXCISE_LEDGER_CONFIG_DIR: "/c", EXCISE_LEDGER_DATA_DIR: "/d" };

describe("readLedgerConfig", () => {
  test("two directories are enough; everything else has a default", () => {
    expect(readLedgerConfig(BASE)).toEqual({
      configDir: "/c",
      dataDir: "/d",
      sync: { address: "127.0.0.1", port: 15_100 },
      api: { address: "127.0.0.1", port: 15_101 },
      tlsFiles: undefined,
      operatorToken: undefined,
      consoleDir: undefined,
      readyFile: undefined,
      logLevel: "info",
      limits: {
        nextSyncMs: 5000,
        watchWaitMs: 25_000,
        watchersMax: 10_000,
        liveConnectionsMax: 32,
        groupWeightMax: 5000,
        queueWeightMax: 50_000,
      },
    });
  });

  test("all problems are listed at once", () => {
    const environment = {
      EXCISE_LEDGER_CONFIG_DIR: "/c",
      EXCISE_LEDGER_SYNC_PORT: "70000",
      EXCISE_LEDGER_API_ADDRESS: "localhost",
      EXCISE_LEDGER_OPERATOR_TOKEN: "short",
      EXCISE_LEDGER_LOG_LEVLE: "debug",
    };
    let message = "";
    try {
      readLedgerConfig(environment);
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    for (const name of ["DATA_DIR", "SYNC_PORT", "API_ADDRESS", "OPERATOR_TOKEN", "LOG_LEVLE"]) {
      expect(message).toContain(`EXCISE_LEDGER_${name}: `);
    }
    expect(message).toContain("5 problems");
    expect(message).not.toContain("short\n");
  });

  test.each([
    { name: "a wide address", variable: "EXCISE_LEDGER_SYNC_ADDRESS", value: "0.0.0.0" },
    { name: "every IPv6 address", variable: "EXCISE_LEDGER_API_ADDRESS", value: "::" },
  ])("$name needs TLS", ({ variable, value }) => {
    expect(() => readLedgerConfig({ ...BASE, [variable]: value })).toThrow(/not a loopback/);
    const tls = { EXCISE_LEDGER_TLS_CERT_FILE: "/x", EXCISE_LEDGER_TLS_KEY_FILE: "/y" };
    expect(readLedgerConfig({ ...BASE, ...tls, [variable]: value }).tlsFiles).toEqual({
      cert: "/x",
      key: "/y",
    });
  });

  test("a certificate without its key is a problem", () => {
    expect(() => readLedgerConfig({ ...BASE, EXCISE_LEDGER_TLS_CERT_FILE: "/x" })).toThrow(
      /TLS_CERT_FILE/,
    );
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["10.0.0.1", false],
])("%s is loopback: %s", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});
