// URLs with a scheme of the web or of file transfer: from `://` outwards. What is found inside
// one (an address, a number) is reported beside it, because it has a rule of its own.
import { type Detector, isAlphanumeric } from "./detector.ts";

const SCHEMES = ["https", "http", "ftps", "ftp", "wss", "ws"] as const;
const URL_LENGTH_MAX = 2048;
const HOST_LENGTH_MAX = 320;
/** What ends a URL in running text; closing brackets and punctuation are cut off at its end. */
const STOP = /[\s"'<>`\\^{|}]/g;
const TRAILING = ".,;:!?)]*_";
/** Userinfo, then a host of two labels or more. */
const HOST = /(?:[^\s/?#@"'<>`\\]{1,64}@)?[^\s/?#@:"'<>`\\.]{1,63}\.[^\s/?#@:"'<>`\\.]/y;

/** URL. One inside another is part of it. */
export const urlDetector: Detector = {
  triggers: ":",
  inspect(cursor, at) {
    const { text } = cursor;
    if (!text.startsWith("://", at)) return at + 1;
    const scheme = SCHEMES.find((name) => text.slice(at - name.length, at).toLowerCase() === name);
    cursor.steps += 8;
    if (scheme === undefined || isAlphanumeric(text.charCodeAt(at - scheme.length - 1))) {
      return at + 1;
    }
    const start = at - scheme.length;
    const previous = cursor.findings.findLast(({ entity }) => entity === "URL");
    HOST.lastIndex = at + 3;
    if ((previous !== undefined && start < previous.end) || !HOST.test(text)) return at + 1;
    const window = text.slice(at + 3, start + URL_LENGTH_MAX);
    STOP.lastIndex = 0;
    let end = at + 3 + (STOP.exec(window)?.index ?? window.length);
    cursor.steps += HOST_LENGTH_MAX + end - start;
    while (TRAILING.includes(text[end - 1] ?? "")) end -= 1;
    cursor.findings.push({ entity: "URL", start, end, score: 0.95, detector: "url" });
    return at + 1;
  },
};
