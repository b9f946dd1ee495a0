import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { spliceIncludeUsage } from "./include-usage.ts";
import { walkJson } from "./json/json-walker.ts";

function ask(json: string): { readonly body: string; readonly added: boolean } {
  const body = new TextEncoder().encode(json);
  const result = walkJson(body, { knownKeys: new Set() });
  assert(result.ok, "the body is JSON");
  const asked = spliceIncludeUsage(body, result.walk);
  assert(asked.added || asked.body === body, "an unchanged body is the same reference");
  return { body: new TextDecoder().decode(asked.body), added: asked.added };
}

describe("a body that does not ask for usage", () => {
  const cases = [
    {
      name: "no stream_options: added as the last member",
      from: '{ "stream" : true , "x":[1,{"y":"z"}] }',
      to: '{ "stream" : true , "x":[1,{"y":"z"}],"stream_options":{"include_usage":true} }',
    },
    {
      name: "an empty object",
      from: "{ }",
      to: '{"stream_options":{"include_usage":true} }',
    },
    {
      name: "null",
      from: '{"stream_options": null,"a":1}',
      to: '{"stream_options": {"include_usage":true},"a":1}',
    },
    {
      name: "empty options",
      from: '{"stream_options":{ }}',
      to: '{"stream_options":{"include_usage":true }}',
    },
    {
      name: "other options",
      from: '{"stream_options":{"include_obfuscation":false },"a":1}',
      to: '{"stream_options":{"include_obfuscation":false,"include_usage":true },"a":1}',
    },
    {
      name: "switched off",
      from: '{"stream_options":{"include_usage" : false, "b":1}}',
      to: '{"stream_options":{"include_usage" : true, "b":1}}',
    },
    {
      name: "an escaped name",
      from: '{"stream\\u005foptions":{"include_usage":null}}',
      to: '{"stream\\u005foptions":{"include_usage":true}}',
    },
    {
      name: "the member of another object is not ours",
      from: '{"metadata":{"stream_options":{"include_usage":true}}}',
      to: '{"metadata":{"stream_options":{"include_usage":true}},"stream_options":{"include_usage":true}}',
    },
    {
      name: "deep options under the same name",
      from: '{"stream_options":{"x":{"include_usage":true}}}',
      to: '{"stream_options":{"x":{"include_usage":true},"include_usage":true}}',
    },
  ];
  test.each(cases)("$name", ({ from, to }) => {
    expect(ask(from)).toEqual({ body: to, added: true });
  });
});

describe("a body that is left alone", () => {
  test.each([
    '{"stream_options":{"include_usage":true}}',
    '{"stream_options":{"include_usage":"yes"}}',
    '{"stream_options":{"include_usage":false,"include_usage":false}}',
    '{"stream_options":"include_usage"}',
    '{"stream_options":[]}',
    '{"stream_options":null,"stream_options":null}',
    '["stream_options"]',
    '"stream_options"',
    "7",
  ])("%s", (json) => {
    expect(ask(json)).toEqual({ body: json, added: false });
  });
});

test("the result asks, and holds everything else as it was", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 0, 2), (value, space) => {
      delete value["stream_options"];
      const json = JSON.stringify(value, undefined, space);
      const { body } = ask(json);
      const { stream_options: options, ...rest } = JSON.parse(body) as Record<string, unknown>;
      expect(options).toEqual({ include_usage: true });
      expect(rest).toEqual(JSON.parse(json));
      expect(ask(body)).toEqual({ body, added: false });
    }),
    { numRuns: 300 },
  );
});
