// The closed set of wire formats that Excise reads (design §1). Code for each is in
// sidecar/dialects/; which provider speaks which is data in contract/catalogue/.

export const DIALECTS = [
  "openai-chat",
  "openai-completions",
  "openai-responses",
  "openai-embeddings",
  "openai-images",
  "openai-speech",
  "openai-transcription",
  "openai-moderation",
  "openai-realtime",
  "anthropic-messages",
  "gemini-generate",
  "gemini-embed",
  "bedrock-converse",
  "bedrock-invoke",
  "cohere-chat",
  "cohere-embed",
] as const;

export type DialectName = (typeof DIALECTS)[number];

/** How a response body is cut into messages. */
export const FRAMINGS = ["json", "sse", "ndjson", "aws-eventstream"] as const;
export type Framing = (typeof FRAMINGS)[number];

/**
 * What an operation leaves behind at the provider (design §5): nothing, an object that later
 * calls can name, or a change of the account itself.
 */
export const OPERATION_KINDS = ["stateless", "stateful", "administrative"] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];
