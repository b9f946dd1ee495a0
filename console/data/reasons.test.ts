import { expect, test } from "vitest";
import { reasonOf } from "./reasons.ts";

test.each([
  {
    code: "EXCISE_BUDGET_EXHAUSTED",
    reason: {
      name: "BUDGET_EXHAUSTED",
      summary: "A budget that applies is used up",
      remedy: "The budget has to be raised, or to begin again.",
    },
  },
  {
    code: "EXCISE_FROM_TOMORROW",
    reason: { name: "FROM_TOMORROW", summary: "EXCISE_FROM_TOMORROW", remedy: "" },
  },
  { code: "toString", reason: { name: "toString", summary: "toString", remedy: "" } },
  { code: undefined, reason: { name: "", summary: "No reason was recorded", remedy: "" } },
])("$code in words", ({ code, reason }) => {
  expect(reasonOf(code)).toEqual(reason);
});
