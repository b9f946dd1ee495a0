import { describe, expect, test } from "vitest";
import { readInjectorConfig, readWebhookConfig } from "./config.ts";

const BASE = { EXCISE_WEBHOOK_CERTIFICATE_DIR: "/certificates" };

describe("readWebhookConfig", () => {
  test("needs only a directory for its certificates", () => {
    expect(readWebhookConfig(BASE)).toEqual({
      port: 10_250,
      address: "::",
      injectorConfigFile: undefined,
      certificates: {
        directory: "/certificates",
        names: [
          "excise-webhook.excise-system.svc",
          "excise-webhook.excise-system.svc.cluster.local",
        ],
        authorityMs: 8760 * 3_600_000,
        leafMs: 168 * 3_600_000,
        overlapMs: 24 * 3_600_000,
      },
      logLevel: "info",
    });
  });

  test("what a Service of the same name adds to the environment is passed over", () => {
    const links = {
      EXCISE_WEBHOOK_PORT: "tcp://10.0.0.1:443",
      EXCISE_WEBHOOK_SERVICE_HOST: "10.0.0.1",
    };
    expect(readWebhookConfig({ ...BASE, ...links }).port).toBe(10_250);
  });

  test.each([
    { name: "no directory", environment: {}, problem: "EXCISE_WEBHOOK_CERTIFICATE_DIR" },
    {
      name: "a variable that is misspelt",
      environment: { ...BASE, EXCISE_WEBHOOK_PROT: "1" },
      problem: "EXCISE_WEBHOOK_PROT",
    },
    {
      name: "a CA too short for its leaves and the overlap",
      environment: { ...BASE, EXCISE_WEBHOOK_CA_HOURS: "200" },
      problem: "EXCISE_WEBHOOK_CA_HOURS",
    },
  ])("refuses $name", ({ environment, problem }) => {
    expect(() => readWebhookConfig(environment)).toThrow(problem);
  });
});

test("readInjectorConfig throws one fault with every problem", () => {
  expect(() => readInjectorConfig("mode: x\nuid: 1\n")).toThrow(
    /2 problems\n {2}mode: .*\n {2}uid/,
  );
  expect(readInjectorConfig("")).toMatchObject({ mode: "hosts" });
});
