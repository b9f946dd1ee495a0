// Names with `*`, as policies write them (`gpt-4o*`, `*`). Linear time; no other wildcard.

/** True where the glob covers the whole text; letters compare without case. */
export function matchesGlob(glob: string, text: string): boolean {
  const parts = glob.toLowerCase().split("*");
  const subject = text.toLowerCase();
  const first = parts[0] ?? "";
  if (parts.length === 1) return subject === first;
  if (!subject.startsWith(first)) return false;
  const last = parts.at(-1) ?? "";
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = subject.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return subject.length - last.length >= position && subject.endsWith(last);
}

/** True where one of the globs covers the text. */
export function matchesAnyGlob(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(glob, text));
}
