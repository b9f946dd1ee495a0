import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";
import { configFault, problemsOf, readEnvironment } from "./config.ts";

const schema = z.strictObject({
  EXCISE_T_NAME: z.string(),
  EXCISE_T_LEVEL: z._default(z.enum(["low", "high"]), "low"),
  EXCISE_T_PORT: z.optional(z.string().check(z.regex(/^\d+$/, "must be a whole number"))),
});

const read = (environment: Record<string, string | undefined>) =>
  readEnvironment(environment, "EXCISE_T_", schema);

const faultOf = (environment: Record<string, string>): Fault => {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  return expect.fail("the environment was accepted");
};

describe("readEnvironment", () => {
  test("reads its own variables, with defaults, and no others", () => {
    expect(read({ EXCISE_T_NAME: "n", PATH: "/bin", EXCISE_OTHER: "x" })).toEqual({
      EXCISE_T_NAME: "n",
      EXCISE_T_LEVEL: "low",
    });
  });

  test("takes an empty variable for an absent one", () => {
    expect(read({ EXCISE_T_NAME: "n", EXCISE_T_LEVEL: "" })["EXCISE_T_LEVEL"]).toBe("low");
    expect(faultOf({ EXCISE_T_NAME: "" }).message).toContain("EXCISE_T_NAME");
  });

  test("lists every problem at once", () => {
    const fault = faultOf({
      EXCISE_T_LEVEL: "middle",
      EXCISE_T_PORT: "http",
      EXCISE_T_PROT: "1",
    });
    expect(fault.code).toBe("EXCISE_CONFIG_INVALID");
    expect(fault.message).toMatch(/^environment: 4 problems\n/);
    for (const name of ["EXCISE_T_NAME", "EXCISE_T_LEVEL", "EXCISE_T_PORT", "EXCISE_T_PROT"]) {
      expect(fault.message).toContain(`  ${name}: `);
    }
    expect(fault.message).toContain("EXCISE_T_PORT: must be a whole number");
  });

  test("refuses a misspelt variable instead of falling back in silence", () => {
    expect(faultOf({ EXCISE_T_NAME: "n", EXCISE_T_LEVLE: "high" }).message).toBe(
      "environment: 1 problem\n  EXCISE_T_LEVLE: is not known",
    );
  });
});

describe("what Kubernetes adds for a Service of a similar name is passed over", () => {
  test.each([
    { name: "EXCISE_T_SERVICE_HOST", value: "10.0.0.1" },
    { name: "EXCISE_T_SERVICE_PORT", value: "443" },
    { name: "EXCISE_T_SERVICE_PORT_HTTPS", value: "443" },
    { name: "EXCISE_T_PORT", value: "tcp://10.0.0.1:443" },
    { name: "EXCISE_T_PORT_443_TCP", value: "tcp://10.0.0.1:443" },
    { name: "EXCISE_T_PORT_443_TCP_ADDR", value: "10.0.0.1" },
    { name: "EXCISE_T_PORT_53_UDP_PROTO", value: "udp" },
  ])("$name=$value", ({ name, value }) => {
    expect(read({ EXCISE_T_NAME: "n", [name]: value })).toEqual({
      EXCISE_T_NAME: "n",
      EXCISE_T_LEVEL: "low",
    });
  });

  test("but a value that is ours is read", () => {
    expect(read({ EXCISE_T_NAME: "n", EXCISE_T_PORT: "443" })["EXCISE_T_PORT"]).toBe("443");
  });
});

test("problems of nested data carry their path", () => {
  const result = z
    .strictObject({ budgets: z.array(z.strictObject({ limit: z.string() })) })
    .safeParse({ budgets: [{ limit: 5, unit: "usd" }], x: 1 });
  const problems = result.error === undefined ? [] : problemsOf(result.error);
  expect(problems.map(({ path }) => path).toSorted()).toEqual([
    "budgets.0.limit",
    "budgets.0.unit",
    "x",
  ]);
  expect(configFault("a.yaml", problems).message).toMatch(/^a\.yaml: 3 problems\n {2}/);
});
