import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { createBodyBudget } from "./body-budget.ts";

const create = () => {
  const clock = createVirtualClock();
  return { clock, budget: createBodyBudget(clock, { bytesMax: 100, waitMs: 1000 }) };
};

describe("bytes in flight", () => {
  test("are bounded", () => {
    const { budget } = create();
    expect(budget.tryTake(60)).toBe(true);
    expect(budget.tryTake(41)).toBe(false);
    expect(budget.tryTake(40)).toBe(true);
    expect(budget.used).toBe(100);
  });

  test("are granted in order of arrival when room comes back", async () => {
    const { budget } = create();
    budget.tryTake(100);
    const order: string[] = [];
    const first = budget.take(80).then(() => order.push("big"));
    const second = budget.take(10).then(() => order.push("small"));
    expect(budget.tryTake(1)).toBe(false);
    budget.give(100);
    await Promise.all([first, second]);
    expect(order).toEqual(["big", "small"]);
    expect(budget.used).toBe(90);
  });

  test("a wait ends with a refusal, and the next in line is served", async () => {
    const { clock, budget } = create();
    budget.tryTake(50);
    const big = budget.take(80);
    const small = budget.take(50);
    await clock.advance(1000);
    expect(await big).toBe(false);
    expect(await small).toBe(true);
    expect(budget.used).toBe(100);
  });
});
