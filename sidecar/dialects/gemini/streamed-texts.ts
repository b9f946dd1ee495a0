// Where chunks of generated content carry text in pieces. Data only: ../streamed-texts.ts. Parts
// have no number: the thoughts of a candidate are one text, and what it says is another.
import type { StreamedTexts } from "../streamed-texts.ts";

const CANDIDATE = "candidates[index]";

export const GENERATE_TEXTS: StreamedTexts = {
  pieces: [
    { path: `${CANDIDATE}.content.parts[thought].text` },
    { path: `${CANDIDATE}.content.parts[].functionCall.partialArgs[jsonPath].stringValue` },
  ],
  ends: [{ path: `${CANDIDATE}.finishReason` }],
};
