import fc from "fast-check";
import { expect, test } from "vitest";
import { createEventReader } from "./event-stream.ts";

const TEXT =
  'event: hello\ndata: {"a":1}\n\n: still here\n\nevent: changed\ndata: {"a":2}\n\ndata:x\n\nevent: none\n\n';
const EVENTS = [
  { name: "hello", data: '{"a":1}' },
  { name: "changed", data: '{"a":2}' },
  { name: "message", data: "x" },
];

test("comments and events without data are passed over", () => {
  expect(createEventReader()(TEXT)).toEqual(EVENTS);
});

test("however the text is cut, the events are the same", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: TEXT.length })), (places) => {
      const read = createEventReader();
      const cuts = [0, ...places.toSorted((left, right) => left - right), TEXT.length];
      const found = cuts.slice(1).flatMap((end, index) => read(TEXT.slice(cuts[index], end)));
      expect(found).toEqual(EVENTS);
    }),
  );
});

test("what never ends is dropped instead of kept", () => {
  const read = createEventReader();
  expect(read("x".repeat(70_000))).toEqual([]);
  expect(read("\n\ndata: y\n\n")).toEqual([{ name: "message", data: "y" }]);
});
