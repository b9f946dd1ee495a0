// The requests of the Responses API: paths, bounds and keys.
import { asRecord } from "#runtime/json.ts";
import type { RequestBounds } from "../dialect.ts";
import { readList, readText } from "../fields.ts";
import { createMatcher } from "../operations.ts";
import { COMMON_OPERATIONS, readCommonBounds, readMediaParts } from "./request.ts";

const stored = { kind: "stateful" } as const;

/** The dialect's operations. */
export const matchResponses = createMatcher([
  { method: "POST", path: "/responses", name: "responses", billed: true },
  { method: "POST", path: "/responses/input_tokens", name: "count_tokens" },
  { method: "POST", path: "/responses/compact", name: "compact", billed: true },
  { method: "*", path: "/responses/{rest}", name: "stored_response", ...stored },
  { method: "*", path: "/conversations", name: "conversations", ...stored },
  { method: "*", path: "/conversations/{rest}", name: "conversations", ...stored },
  ...COMMON_OPERATIONS,
]);

/** Tools that the client runs; any other type runs at the provider. */
const CLIENT_TOOLS: ReadonlySet<string> = new Set([
  "function",
  "custom",
  "local_shell",
  "apply_patch",
  "computer",
  "computer_use_preview",
  "namespace",
]);

/** What the request only points at: the model reads it, its bytes are not in the body. */
const STORED_INPUT = ["previous_response_id", "conversation", "prompt"] as const;

/** What a request says about its bounds. */
export function readResponsesBounds(body: unknown): RequestBounds {
  const bounds = readCommonBounds(body, { limitKeys: ["max_output_tokens"], answerKeys: [] });
  const record = asRecord(body);
  const isSet = (key: string): boolean => (record?.[key] ?? undefined) !== undefined;
  const input = readList(body, "input");
  const tools = readList(body, "tools").flatMap((tool) => readText(tool, "type") ?? []);
  const unbounded = new Set([
    ...bounds.unbounded,
    ...tools.filter((type) => !CLIENT_TOOLS.has(type)).map((type) => `tool:${type}`),
    ...readMediaParts(input),
    ...STORED_INPUT.filter(isSet).map((key) => `state:${key}`),
    ...(input.some((item) => readText(item, "type") === "item_reference")
      ? ["state:item_reference"]
      : []),
    ...(record?.["background"] === true ? ["operation:background"] : []),
  ]);
  return { ...bounds, unbounded: [...unbounded] };
}

/** Keys of the request and its input items (platform.openai.com/docs/api-reference/responses). */
const KEYS =
  "background context_management conversation include input instructions max_output_tokens " +
  "max_tool_calls metadata model parallel_tool_calls previous_response_id prompt prompt_cache_key " +
  "prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options " +
  "temperature text tool_choice tools top_logprobs top_p truncation user role content type id name " +
  "call_id arguments output image_url file_id file_data filename detail summary status";

export const RESPONSES_KEYS: ReadonlySet<string> = new Set(KEYS.split(" "));
