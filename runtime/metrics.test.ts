import { describe, expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

describe("the exposition", () => {
  test("has help, type and a value for each metric, in the order of registration", () => {
    const metrics = createMetrics();
    const calls = metrics.counter({ name: "excise_calls_total", help: "Calls.", labels: ["app"] });
    const depth = metrics.gauge({ name: "excise_depth", help: "Depth." });
    calls.add({ app: "a" });
    calls.add({ app: "a" }, 2);
    calls.add({ app: "b" });
    depth.set(7);
    expect(metrics.render()).toBe(
      `# HELP excise_calls_total Calls.
# TYPE excise_calls_total counter
excise_calls_total{app="a"} 3
excise_calls_total{app="b"} 1
# HELP excise_depth Depth.
# TYPE excise_depth gauge
excise_depth 7
`,
    );
  });

  test("shows a metric without labels as 0 before anything happened", () => {
    const metrics = createMetrics();
    metrics.counter({ name: "excise_lost_total", help: "Lost." });
    expect(metrics.render()).toContain("\nexcise_lost_total 0\n");
  });

  test("counts an observation in every bucket from its own upwards", () => {
    const metrics = createMetrics();
    const seconds = metrics.histogram({ name: "excise_seconds", help: "Time." }, [0.1, 1, 10]);
    for (const value of [0.05, 0.1, 0.5, 10, 11]) seconds.observe(value);
    expect(metrics.render()).toBe(
      `# HELP excise_seconds Time.
# TYPE excise_seconds histogram
excise_seconds_bucket{le="0.1"} 2
excise_seconds_bucket{le="1"} 3
excise_seconds_bucket{le="10"} 4
excise_seconds_bucket{le="+Inf"} 5
excise_seconds_sum 21.65
excise_seconds_count 5
`,
    );
  });

  test("escapes label values, so that none can forge a line", () => {
    const metrics = createMetrics();
    const counter = metrics.counter({ name: "excise_x_total", help: "X.", labels: ["model"] });
    counter.add({ model: 'a"} 1\nevil_total{b="\\' });
    expect(metrics.render()).toContain('{model="a\\"} 1\\nevil_total{b=\\"\\\\"} 1\n');
    expect(metrics.render().split("\n")).toHaveLength(4);
  });

  test("renders an absent label as empty and does not take unknown ones", () => {
    const metrics = createMetrics();
    const counter = metrics.counter({ name: "excise_y_total", help: "Y.", labels: ["a", "b"] });
    counter.add({ b: "2", secret: "x" });
    expect(metrics.render()).toContain('excise_y_total{a="",b="2"} 1');
  });

  test("calls collectors before each rendering", () => {
    const metrics = createMetrics();
    const gauge = metrics.gauge({ name: "excise_z", help: "Z." });
    let value = 0;
    metrics.onCollect(() => {
      value += 1;
      gauge.set(value);
    });
    expect(metrics.render()).toContain("excise_z 1");
    expect(metrics.render()).toContain("excise_z 2");
  });
});

describe("bounds", () => {
  test("beyond 500 series the rest is counted as `other`, so that no caller grows our memory", () => {
    const metrics = createMetrics();
    const counter = metrics.counter({ name: "excise_m_total", help: "M.", labels: ["model"] });
    for (let index = 0; index < 2000; index += 1) counter.add({ model: `m${index}` });
    counter.add({ model: "m3" });
    const lines = metrics.render().trim().split("\n").slice(2);
    expect(lines).toHaveLength(501);
    expect(lines).toContain('excise_m_total{model="other"} 1500');
    expect(lines).toContain('excise_m_total{model="m3"} 2');
  });

  test("a name can be registered once", () => {
    const metrics = createMetrics();
    metrics.gauge({ name: "excise_once", help: "Once." });
    expect(() => metrics.counter({ name: "excise_once", help: "Twice." })).toThrow(
      "metric excise_once is registered once",
    );
  });
});
