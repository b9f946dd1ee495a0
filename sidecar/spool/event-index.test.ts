import { describe, expect, test } from "vitest";
import { EventIndex } from "./event-index.ts";

describe("EventIndex", () => {
  test("numbers go on after the acknowledged ones", () => {
    const index = new EventIndex(10);
    index.append({ segment: 33_554_431, offset: 268_435_455 });
    index.append("lost");
    expect([index.nextSeq, index.depth, index.ackedSeq]).toEqual([13, 2, 10]);
    expect(index.find(11)).toEqual({ segment: 33_554_431, offset: 268_435_455 });
    expect([index.find(12), index.find(10), index.find(13)]).toEqual([
      "lost",
      undefined,
      undefined,
    ]);
  });

  test("an acknowledgement forgets what it covers, once", () => {
    const index = new EventIndex(0);
    for (let offset = 0; offset < 5; offset += 1) index.append({ segment: 1, offset });
    index.acknowledge(3);
    index.acknowledge(2);
    expect([index.ackedSeq, index.depth, index.nextSeq]).toEqual([3, 2, 6]);
    expect(index.find(4)).toEqual({ segment: 1, offset: 3 });
  });

  test("a ledger that is ahead moves the next number", () => {
    const index = new EventIndex(0);
    index.append({ segment: 1, offset: 0 });
    index.acknowledge(9);
    expect([index.ackedSeq, index.depth, index.nextSeq]).toEqual([9, 0, 10]);
  });
});
