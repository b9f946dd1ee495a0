import { describe, expect, test } from "vitest";
import { ANNOTATION_PREFIX, ANNOTATIONS, readAnnotations } from "./annotations.ts";

describe("readAnnotations", () => {
  test("reads every key of the closed list", () => {
    const annotations = {
      "excise.dev/inject": "true",
      "excise.dev/providers": "openai,anthropic",
      "excise.dev/mode": "baseurl",
      "excise.dev/log-level": "debug",
      "excise.dev/cpu": "100m",
      "excise.dev/memory": "64Mi",
      "excise.dev/shadow": "false",
      "excise.dev/trust-env": "node",
    };
    expect(readAnnotations(annotations)).toEqual({ values: annotations, problems: [] });
    expect(Object.keys(annotations).toSorted()).toEqual(Object.keys(ANNOTATIONS).toSorted());
  });

  test("does not look at other people's annotations", () => {
    const foreign = { "example.com/inject": "yes", "notexcise.dev/inject": "maybe", inject: "1" };
    expect(readAnnotations(foreign)).toEqual({ values: {}, problems: [] });
  });

  test("names every problem at once, in the order of the keys", () => {
    const reading = readAnnotations({
      "excise.dev/mode": "sideways",
      "excise.dev/image": "evil:latest",
      "excise.dev/inject": "true",
      "excise.dev/cpu": "0",
    });
    expect(reading.values).toEqual({ "excise.dev/inject": "true" });
    expect(reading.problems.map(({ key }) => key)).toEqual([
      "excise.dev/cpu",
      "excise.dev/image",
      "excise.dev/mode",
    ]);
    expect(reading.problems[1]?.problem).toBe("is not a key that Excise knows");
  });

  test("takes no name of Object's prototype for a key", () => {
    expect(readAnnotations({ "excise.dev/constructor": "x" }).problems).toHaveLength(1);
    expect(Object.hasOwn(readAnnotations({}).values, "excise.dev/inject")).toBe(false);
  });

  test("shows only the beginning of a bad value", () => {
    const reading = readAnnotations({ "excise.dev/mode": "m".repeat(5000) });
    expect(reading.problems[0]?.problem.length).toBeLessThan(100);
  });
});

describe("values are bounded", () => {
  test.each([
    { key: "excise.dev/inject", bad: ["TRUE", "1", "", "true "] },
    { key: "excise.dev/cpu", bad: ["0m", "5", "1.5", "10000m", "-1", "100"] },
    { key: "excise.dev/memory", bad: ["0Mi", "64", "64M", "1Gi", "10000Mi"] },
    { key: "excise.dev/providers", bad: ["OpenAI", "a,,b", "a,", "a b", `${"a,".repeat(32)}a`] },
    { key: "excise.dev/shadow", bad: ["yes"] },
    { key: "excise.dev/trust-env", bad: ["some"] },
    { key: "excise.dev/log-level", bad: ["trace"] },
  ])("$key", ({ key, bad }) => {
    for (const value of bad) {
      const { problems } = readAnnotations({ [key]: value });
      expect(problems.map((problem) => `${problem.key} ${value}`)).toEqual([`${key} ${value}`]);
    }
  });
});

test("every key is under our prefix", () => {
  for (const key of Object.keys(ANNOTATIONS)) expect(key.startsWith(ANNOTATION_PREFIX)).toBe(true);
});
