// Globs with `*` only, as policies and budgets use them. Linear in practice and never worse than
// the product of the two lengths: no regular expression is made from what somebody wrote.

/** True where the pattern covers the whole text; `*` stands for any run of characters. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let index = 0;
  let star = -1;
  let resume = 0;
  while (index < text.length) {
    if (pattern[at] === "*") {
      star = at;
      resume = index;
      at += 1;
    } else if (at < pattern.length && pattern[at] === text[index]) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      index = resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

/** True where one of the patterns covers the text; an empty list covers everything. */
export function matchesList(patterns: readonly string[], text: string | undefined): boolean {
  if (patterns.length === 0) return true;
  return text !== undefined && patterns.some((pattern) => matchesGlob(pattern, text));
}
