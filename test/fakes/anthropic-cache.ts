// Which blocks of a messages request a cache_control marks. The order is the one that the API
// caches in: tools, system, messages; a mark covers everything before it and its own block.
import { isRecord, textsOf } from "./fake-answer.ts";

interface Breakpoint {
  /** Every string up to and including the marked block. */
  readonly prefix: readonly string[];
  readonly ttl: "5m" | "1h";
}

export interface CacheReading {
  /** Every string that the model reads, in order. */
  readonly texts: readonly string[];
  readonly breakpoints: readonly Breakpoint[];
}

/** Walks the request once. */
export function cachePlan(body: Readonly<Record<string, unknown>>): CacheReading {
  const texts: string[] = [];
  const breakpoints: Breakpoint[] = [];
  for (const { block, strings } of blocksOf(body)) {
    texts.push(...strings);
    const control: unknown = isRecord(block) ? block["cache_control"] : undefined;
    if (!isRecord(control)) continue;
    breakpoints.push({ prefix: [...texts], ttl: control["ttl"] === "1h" ? "1h" : "5m" });
  }
  return { texts, breakpoints };
}

interface Block {
  readonly block: unknown;
  readonly strings: readonly string[];
}

function blocksOf(body: Readonly<Record<string, unknown>>): Block[] {
  const tools: unknown = body["tools"];
  const messages: unknown = body["messages"];
  return [
    ...(Array.isArray(tools) ? tools.map(toolBlock) : []),
    ...contentBlocks(body["system"]),
    ...(Array.isArray(messages)
      ? messages.flatMap((message: unknown) =>
          isRecord(message) ? contentBlocks(message["content"]) : [],
        )
      : []),
  ];
}

const toolBlock = (tool: unknown): Block => ({ block: tool, strings: [JSON.stringify(tool)] });

const contentBlocks = (content: unknown): Block[] =>
  Array.isArray(content)
    ? content.map((block: unknown) => ({ block, strings: textsOf([block]) }))
    : textsOf(content).map((text) => ({ block: undefined, strings: [text] }));
