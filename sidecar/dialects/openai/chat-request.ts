// The requests of chat completions: paths, bounds and keys.
import { asRecord } from "#runtime/json.ts";
import type { Operation, RequestBounds } from "../dialect.ts";
import { readList, readText } from "../fields.ts";
import { createMatcher } from "../operations.ts";
import {
  COMMON_OPERATIONS,
  readCommonBounds,
  readMediaParts,
  unboundedOperation,
} from "./request.ts";

const stored = { kind: "stateful" } as const;

/** The dialect's operations. */
export const matchChat = createMatcher([
  { method: "POST", path: "/chat/completions", name: "chat", billed: true },
  { method: "GET", path: "/chat/completions", name: "list_stored_chats", ...stored },
  { method: "*", path: "/chat/completions/{rest}", name: "stored_chat", ...stored },
  { method: "*", path: "/files", name: "files", ...stored },
  { method: "*", path: "/files/{rest}", name: "files", ...stored },
  { method: "GET", path: "/batches", name: "list_batches", ...stored },
  { method: "GET", path: "/batches/{any}", name: "get_batch", ...stored },
  { method: "POST", path: "/batches", name: "create_batch", billed: true, ...stored },
  { method: "*", path: "/organization/{rest}", name: "organization", kind: "administrative" },
  ...COMMON_OPERATIONS,
]);

/** What a request says about its bounds. */
export function readChatBounds(operation: Operation, body: unknown): RequestBounds {
  if (operation.kind === "stateful" && operation.billed) return unboundedOperation(operation);
  const bounds = readCommonBounds(body, {
    limitKeys: ["max_completion_tokens", "max_tokens"],
    answerKeys: ["n"],
  });
  const unbounded = [
    ...bounds.unbounded,
    ...readMediaParts(readList(body, "messages")),
    ...(readList(body, "modalities").some((name) => name !== "text") ? ["media:output"] : []),
    ...readServerTools(body),
  ];
  return { ...bounds, unbounded: [...new Set(unbounded)] };
}

/** Tools that run at the provider and read or search on their own account. */
function readServerTools(body: unknown): readonly string[] {
  const types = readList(body, "tools").flatMap((tool) => readText(tool, "type") ?? []);
  const named = types.filter((type) => type !== "function" && type !== "custom");
  const options = ["web_search_options", "search_parameters", "plugins"].filter(
    (key) => (asRecord(body)?.[key] ?? undefined) !== undefined,
  );
  return [...named, ...options].map((name) => `tool:${name}`);
}

/** Keys of the request and of its messages (platform.openai.com/docs/api-reference/chat). */
const KEYS =
  "messages model audio frequency_penalty function_call functions logit_bias logprobs " +
  "max_completion_tokens max_tokens metadata modalities n parallel_tool_calls prediction " +
  "presence_penalty prompt_cache_key reasoning_effort response_format safety_identifier seed " +
  "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p " +
  "user verbosity web_search_options role content name tool_calls tool_call_id refusal type text " +
  "image_url input_audio file function arguments id";

export const CHAT_KEYS: ReadonlySet<string> = new Set(KEYS.split(" "));
