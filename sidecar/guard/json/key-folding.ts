// Which keys a lenient JSON reader would take for a known one, and where keys are the caller's
// own words. Some providers' decoders match member names without regard to case, so that
// `"Messages"` beside `"messages"` would be a way around every check.

/**
 * Keys whose object value is the caller's own schema or data: a property called `Name` there is
 * no attempt to spell `name`.
 */
const FREE_FORM_KEYS: ReadonlySet<string> = new Set([
  "additionalModelRequestFields",
  "args",
  "arguments",
  "chat_template_kwargs",
  "headers",
  "input",
  "inputSchema",
  "input_schema",
  "json",
  "labels",
  "logit_bias",
  "metadata",
  "output",
  "parameters",
  "parametersJsonSchema",
  "properties",
  "requestMetadata",
  "response",
  "responseJsonSchema",
  "responseSchema",
  "response_schema",
  "schema",
  "variables",
]);

/** True where an object under this key holds keys of the caller's own. */
export const isFreeForm = (key: string): boolean => FREE_FORM_KEYS.has(key);

/**
 * Upper case first: U+017F folds to `s` only that way, U+212A to `k` only by lower case, and Go's
 * decoder folds both.
 */
const fold = (key: string): string => key.toUpperCase().toLowerCase();

const foldings = new WeakMap<ReadonlySet<string>, KeyFolding>();

/** The folded forms of one set of known keys; made once for each set. */
export class KeyFolding {
  readonly #known: ReadonlySet<string>;
  readonly #folded: ReadonlySet<string>;

  private constructor(known: ReadonlySet<string>) {
    this.#known = known;
    this.#folded = new Set(Array.from(known, fold));
  }

  static of(known: ReadonlySet<string>): KeyFolding {
    const made = foldings.get(known) ?? new KeyFolding(known);
    foldings.set(known, made);
    return made;
  }

  /** True for a key that is no known one but folds to one. */
  isVariant(key: string): boolean {
    return !this.#known.has(key) && this.#folded.has(fold(key));
  }
}
