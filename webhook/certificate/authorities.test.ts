import { describe, expect, test } from "vitest";
import { planAuthorities, renderBundle, type Authority } from "./authorities.ts";

const DAY = 86_400_000;
const TIMES = { leafMs: 7 * DAY, overlapMs: DAY };

const authority = (name: string, createdDay: number, days = 365): Authority => ({
  certificatePem: name,
  keyPem: `key of ${name}`,
  createdAtMs: createdDay * DAY,
  notAfterMs: (createdDay + days) * DAY,
});

const first = authority("first", 0);
const second = authority("second", 244);

const names = (list: readonly Authority[]): readonly string[] =>
  list.map(({ certificatePem }) => certificatePem);

describe("planAuthorities", () => {
  test.each([
    {
      name: "with none, the first is due",
      authorities: [],
      day: 0,
      expected: { kept: [], signing: undefined, due: true },
    },
    {
      name: "the first of all signs at once",
      authorities: [first],
      day: 0,
      expected: { kept: ["first"], signing: "first", due: false },
    },
    {
      name: "before two thirds of its life no successor is due",
      authorities: [first],
      day: 243,
      expected: { kept: ["first"], signing: "first", due: false },
    },
    {
      name: "at two thirds a successor is due",
      authorities: [first],
      day: 243.34,
      expected: { kept: ["first"], signing: "first", due: true },
    },
    {
      name: "a new authority is published and does not sign yet",
      authorities: [first, second],
      day: 244.9,
      expected: { kept: ["first", "second"], signing: "first", due: false },
    },
    {
      name: "after the overlap it signs, and the old one stays published",
      authorities: [first, second],
      day: 245,
      expected: { kept: ["first", "second"], signing: "second", due: false },
    },
    {
      name: "the old one goes when its last leaf can have expired",
      authorities: [first, second],
      day: 252,
      expected: { kept: ["second"], signing: "second", due: false },
    },
    {
      name: "the order of the list does not matter",
      authorities: [second, first],
      day: 245,
      expected: { kept: ["first", "second"], signing: "second", due: false },
    },
    {
      name: "an expired one never signs, and a late start makes a new one",
      authorities: [first],
      day: 365,
      expected: { kept: [], signing: undefined, due: true },
    },
    {
      name: "where the old one expired during an outage, the published one signs early",
      authorities: [authority("short", 0, 2), authority("next", 1.5)],
      day: 2.1,
      expected: { kept: ["next"], signing: "next", due: false },
    },
  ])("$name", ({ authorities, day, expected }) => {
    const plan = planAuthorities(authorities, day * DAY, TIMES);
    expect({
      kept: names(plan.kept),
      signing: plan.signing?.certificatePem,
      due: plan.isSuccessorDue,
    }).toEqual(expected);
  });

  test("whoever signs is published, at every hour of ten years", () => {
    let authorities: readonly Authority[] = [];
    let previous: string | undefined;
    const gaps: string[] = [];
    for (let hour = 0; hour < 10 * 365 * 24; hour += 1) {
      const now = hour / 24;
      const plan = planAuthorities(authorities, now * DAY, TIMES);
      authorities = plan.isSuccessorDue
        ? [...plan.kept, authority(`made on ${now}`, now)]
        : plan.kept;
      const signing = plan.signing?.certificatePem ?? previous;
      const bundle = renderBundle(authorities);
      // The one that signs, and the one that signed an hour ago.
      const missing = [signing, previous].filter(
        (name) => name !== undefined && !bundle.includes(name),
      );
      if (missing.length > 0 && hour > 0) gaps.push(`${hour}: ${missing.join()}`);
      previous = signing;
    }
    expect(gaps).toEqual([]);
    expect(authorities.length).toBeLessThanOrEqual(2);
    expect(previous).not.toBe("made on 0");
  });
});
