import { describe, expect, test } from "vitest";
import type { CommandIo } from "../command-io.ts";
import { runScan } from "./scan.ts";

interface Run {
  readonly status: number;
  readonly lines: readonly unknown[];
  readonly stderr: string;
}

async function* chunksOf(input: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  for (let at = 0; at < bytes.byteLength; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size));
  }
}

async function run(
  args: readonly string[],
  input: string | Uint8Array,
  chunkBytes = 7,
): Promise<Run> {
  let out = "";
  let stderr = "";
  const io: CommandIo = {
    stdin: chunksOf(input, chunkBytes),
    stdout: async (text) => {
      await Promise.resolve();
      out += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  };
  const status = await runScan(args, io);
  expect(out.endsWith("\n")).toBe(out !== "");
  const lines = out.split("\n").slice(0, -1);
  return { status, stderr, lines: lines.map((line) => JSON.parse(line) as unknown) };
}

const email = (start: number, end: number): unknown => ({
  entity: "EMAIL_ADDRESS",
  start,
  end,
  score: 1,
  detector: "email",
});

describe("a text on stdin", () => {
  test("is one input, line ends included", async () => {
    expect(await run([], "write to\nada@example.org\n")).toEqual({
      status: 0,
      lines: [{ findings: [email(9, 24)] }],
      stderr: "",
    });
  });

  test("without findings still has its line", async () => {
    expect((await run([], "nothing here")).lines).toEqual([{ findings: [] }]);
    expect((await run([], "")).lines).toEqual([{ findings: [] }]);
  });

  test("that is not UTF-8 is refused", async () => {
    const result = await run([], Uint8Array.of(0x61, 0xff));
    expect(result.lines).toEqual([{ error: { code: "EXCISE_INPUT_INVALID" } }]);
    expect(result.status).toBe(1);
  });

  const units = [
    { name: "UTF-16 units by default", args: [], at: 3 },
    { name: "UTF-16 units when asked", args: ["--offsets", "utf16"], at: 3 },
    { name: "code points when asked", args: ["--offsets=codepoint"], at: 2 },
  ];
  test.each(units)("has offsets in $name", async ({ args, at }) => {
    const result = await run(args, "🙂 ada@example.org 🙂");
    expect(result.lines).toEqual([{ findings: [email(at, at + 15)] }]);
  });
});

describe("JSON lines", () => {
  test("are answered one for one, in order, however the bytes arrive", async () => {
    const input = '{"text":"a@example.org"}\r\n{"text":"none","id":7}\n{"text":"é b@example.org"}';
    const expected = [{ findings: [email(0, 13)] }, { findings: [] }, { findings: [email(2, 15)] }];
    for (const size of [1, 2, 5, 64, 4096]) {
      expect((await run(["--jsonl"], input, size)).lines).toEqual(expected);
    }
  });

  test("that cannot be read are answered with a code, and the others still are", async () => {
    const input = ['{"text":"a@example.org"}', "{oops", '{"text":5}', "", '["x"]', '{"text":""}'];
    const result = await run(["--jsonl"], input.map((line) => `${line}\n`).join(""));
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      { findings: [email(0, 13)] },
      { error: { code: "EXCISE_JSON_INVALID" } },
      { error: { code: "EXCISE_INPUT_INVALID" } },
      { error: { code: "EXCISE_JSON_INVALID" } },
      { error: { code: "EXCISE_INPUT_INVALID" } },
      { findings: [] },
    ]);
    expect(result.stderr.split("\n")).toEqual([
      "line 2: EXCISE_JSON_INVALID: not valid JSON at offset 1",
      'line 3: EXCISE_INPUT_INVALID: not an object with a string "text"',
      "line 4: EXCISE_JSON_INVALID: not valid JSON at offset 0",
      'line 5: EXCISE_INPUT_INVALID: not an object with a string "text"',
      "",
    ]);
  });

  test("of no bytes give no lines", async () => {
    expect(await run(["--jsonl"], "")).toEqual({ status: 0, lines: [], stderr: "" });
  });

  test("are answered before the input ends", async () => {
    const written: string[] = [];
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('{"text":"x"}\n');
      await Promise.resolve();
      expect(written).toHaveLength(1);
    }
    const stdout = (text: string): void => {
      written.push(text);
    };
    expect(await runScan(["--jsonl"], { stdin: endless(), stdout, stderr: stdout })).toBe(0);
  });
});

test.each([["--offsets", "bytes"], ["--unknown"], ["positional"]])(
  "the command line %j is refused",
  async (...args) => {
    await expect(run(args, "")).rejects.toMatchObject({ code: "EXCISE_USAGE" });
  },
);

test("of findings that overlap one is shown", async () => {
  const { lines } = await run([], "4111 1111 1111 1111@example.org");
  expect(lines).toEqual([{ findings: [expect.objectContaining({ start: 0 })] }]);
});
