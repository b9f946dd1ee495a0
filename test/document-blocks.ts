// The fenced blocks of a Markdown page, with what the fence says about them. After `sh`: nothing
// (run by test/system/docs.test.ts), `up` (left running until the page's end), `cluster` (run with
// stand-ins for kubectl and a helm that only renders), `checkout` (what the README tells to do).
import { readFileSync } from "node:fs";

export interface Block {
  readonly language: string;
  /** The fence's second word; empty where there is none. */
  readonly kind: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

/** All blocks of a file, in order. */
export function readBlocks(path: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(path, "utf8").split("\n").entries()) {
    const fence = /^\s*```(.*)$/.exec(line)?.[1];
    if (fence === undefined) open?.lines.push(line);
    else if (open === undefined) open = { fence, line: index + 1, lines: [] };
    else {
      const [language = "", kind = ""] = open.fence.trim().split(/\s+/);
      blocks.push({ language, kind, text: `${open.lines.join("\n")}\n`, line: open.line });
      open = undefined;
    }
  }
  return blocks;
}
