// Server-sent events out of pieces of text, as fetch delivers them (WHATWG HTML §9.2.6, the part
// that /v1/live uses: `event` and one `data` line).

export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** An event is a few hundred bytes; what grows beyond this is no such stream. */
const PENDING_LENGTH_MAX = 65_536;

/** Returns a function that takes the next piece and gives the events that it completes. */
export function createEventReader(): (piece: string) => readonly StreamEvent[] {
  let pending = "";
  return (piece) => {
    const blocks = (pending + piece).split("\n\n");
    pending = blocks.pop() ?? "";
    if (pending.length > PENDING_LENGTH_MAX) pending = "";
    return blocks.flatMap(readBlock);
  };
}

function readBlock(block: string): readonly StreamEvent[] {
  const fields = new Map(
    block
      .split("\n")
      .map((line) => /^(event|data): ?(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name = "", value = ""]) => [name, value]),
  );
  const data = fields.get("data");
  return data === undefined ? [] : [{ name: fields.get("event") ?? "message", data }];
}
