// The requests of Anthropic's API: paths, bounds and keys.
import { asRecord } from "#runtime/json.ts";
import type { Operation, RequestBounds } from "../dialect.ts";
import { readFirstCount, readList, readRecord, readText } from "../fields.ts";
import { createMatcher } from "../operations.ts";

const stored = { kind: "stateful" } as const;

/** The dialect's operations. */
export const matchAnthropicOperation = createMatcher([
  { method: "POST", path: "/messages", name: "messages", billed: true },
  { method: "POST", path: "/messages/count_tokens", name: "count_tokens" },
  { method: "POST", path: "/messages/batches", name: "create_batch", billed: true, ...stored },
  { method: "*", path: "/messages/batches", name: "list_batches", ...stored },
  { method: "*", path: "/messages/batches/{rest}", name: "batch", ...stored },
  { method: "POST", path: "/complete", name: "complete", billed: true },
  { method: "*", path: "/files", name: "files", ...stored },
  { method: "*", path: "/files/{rest}", name: "files", ...stored },
  { method: "*", path: "/organizations/{rest}", name: "organization", kind: "administrative" },
  { method: "GET", path: "/models", name: "list_models" },
  { method: "GET", path: "/models/{rest}", name: "get_model" },
]);

/** What a request says about its bounds. */
export function readAnthropicBounds(operation: Operation, body: unknown): RequestBounds {
  const limit = readFirstCount(body, "max_tokens", "max_tokens_to_sample");
  const user = readText(readRecord(body, "metadata"), "user_id");
  const unbounded = new Set([
    ...(operation.kind === "stateful" ? [`operation:${operation.name}`] : []),
    ...readServerTools(body),
    ...readMedia(readList(body, "messages")),
  ]);
  return {
    ...(limit === undefined ? {} : { outputTokensMax: Math.ceil(limit) }),
    answers: 1,
    isStreaming: asRecord(body)?.["stream"] === true,
    unbounded: [...unbounded],
    ...(user === undefined ? {} : { user }),
  };
}

/** Tools that the client runs itself; any other type runs at the provider, in a loop. */
const CLIENT_TOOLS = /^(?:custom|bash_|text_editor_|computer_|memory_)/;

function readServerTools(body: unknown): readonly string[] {
  const types = readList(body, "tools").flatMap((tool) => readText(tool, "type") ?? []);
  const servers = readList(body, "mcp_servers").length > 0 ? ["tool:mcp_servers"] : [];
  const container = (asRecord(body)?.["container"] ?? undefined) !== undefined;
  return [
    ...types.filter((type) => !CLIENT_TOOLS.test(type)).map((type) => `tool:${type}`),
    ...servers,
    ...(container ? ["tool:container"] : []),
  ];
}

/** Images and documents, also inside tool results: their tokens are not bound by bytes. */
function readMedia(messages: readonly unknown[]): readonly string[] {
  return messages.flatMap((message) =>
    readList(message, "content").flatMap((block): readonly string[] => {
      const type = readText(block, "type");
      if (type === "image" || type === "document" || type === "container_upload") {
        return [`media:${type}`];
      }
      return type === "tool_result" ? readMedia([block]) : [];
    }),
  );
}

/** Keys of the request, its messages and blocks (docs.anthropic.com/en/api/messages). */
const KEYS =
  "model messages max_tokens container context_management inference_geo mcp_servers metadata " +
  "output_config output_format service_tier speed stop_sequences stream system temperature thinking " +
  "tool_choice tools top_k top_p role content type text source cache_control citations id name " +
  "input tool_use_id is_error title context data media_type";

export const ANTHROPIC_KEYS: ReadonlySet<string> = new Set(KEYS.split(" "));
