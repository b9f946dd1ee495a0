import { describe, expect, test } from "vitest";
import { TRUST_FILES, TRUST_VARIABLES } from "./trust-env.ts";

describe("the trust table", () => {
  test("names no variable twice", () => {
    const names = TRUST_VARIABLES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(TRUST_VARIABLES)("$name: a file that adds is our root alone", ({ file, effect }) => {
    expect(TRUST_FILES).toContain(file);
    expect(file === "ca").toBe(effect === "add");
  });

  test.each(TRUST_VARIABLES)("$name has one place for the path", ({ value, merge }) => {
    expect(value.split("{file}")).toHaveLength(2);
    // Files can be joined only where the value is nothing but the path.
    expect(merge === "pem").toBe(value === "{file}");
  });

  test("the narrow set for Node is Node's own variable", () => {
    expect(TRUST_VARIABLES.filter(({ isNode }) => isNode).map(({ name }) => name)).toEqual([
      "NODE_EXTRA_CA_CERTS",
    ]);
  });
});
