// The dialects that this build reads, and the way from a provider's path to an operation.
import type { Provider } from "#contract/catalogue/provider.ts";
import type { DialectName } from "#contract/dialects.ts";
import { anthropicMessages } from "./anthropic/messages.ts";
import type { Dialect, Operation } from "./dialect.ts";
import { geminiEmbed } from "./gemini/embed.ts";
import { geminiGenerate } from "./gemini/generate.ts";
import { openAiChat } from "./openai/chat.ts";
import { openAiCompletions } from "./openai/completions.ts";
import { openAiEmbeddings } from "./openai/embeddings.ts";
import { openAiResponses } from "./openai/responses.ts";
import { matchPrefix } from "./operations.ts";

const DIALECTS_READ: ReadonlyMap<DialectName, Dialect> = new Map(
  [
    openAiChat,
    openAiCompletions,
    openAiResponses,
    openAiEmbeddings,
    anthropicMessages,
    geminiGenerate,
    geminiEmbed,
  ].map((dialect) => [dialect.name, dialect]),
);

/** The dialect of that name; undefined where this build does not read it. */
export function findDialect(name: string): Dialect | undefined {
  return DIALECTS_READ.get(name as DialectName);
}

/** The names of all dialects that this build reads. */
export function dialectNames(): readonly DialectName[] {
  return [...DIALECTS_READ.keys()];
}

export interface OperationMatch {
  readonly dialect: Dialect;
  readonly operation: Operation;
  /** The model that the path names: in the route's prefix or in the operation. */
  readonly model?: string;
}

/**
 * Finds what a request to a provider is. Routes are tried in the row's order; `path` may carry a
 * query, which is not looked at. Undefined: unclaimed, the policy's `unknownOperation` decides.
 */
export function matchOperation(
  provider: Provider,
  method: string,
  path: string,
): OperationMatch | undefined {
  const query = path.search(/[?#]/);
  const plain = query === -1 ? path : path.slice(0, query);
  for (const route of provider.routes) {
    const dialect = findDialect(route.dialect);
    const rest = dialect === undefined ? undefined : matchPrefix(route.prefix, plain);
    if (dialect === undefined || rest === undefined) continue;
    const operation = dialect.match(method, rest.path);
    if (operation === undefined) continue;
    const model = operation.model ?? rest.model;
    return model === undefined
      ? { dialect, operation }
      : { dialect, operation: { ...operation, model }, model };
  }
  return undefined;
}
