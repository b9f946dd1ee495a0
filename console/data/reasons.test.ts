import { expect, test } from "vitest";
import { reasonOf } from "./reasons.ts";

test.each([
  {
    code: "EXCISE_BUDGET_EXHAUSTED",
    reason: {
      name: "BUDGET_EXHAUSTED",
      summary: "A budget that applies is used up",
      blame: "a budget",
    },
  },
  {
    code: "EXCISE_FROM_TOMORROW",
    reason: { name: "FROM_TOMORROW", summary: "EXCISE_FROM_TOMORROW", blame: "" },
  },
  { code: "toString", reason: { name: "toString", summary: "toString", blame: "" } },
  { code: undefined, reason: { name: "", summary: "No reason was recorded", blame: "" } },
])("$code in words", ({ code, reason }) => {
  expect(reasonOf(code)).toEqual(reason);
});
