// What texts may hold.

// A lone surrogate: with the `u` flag a well-formed pair is one character and does not match.
const LONE_SURROGATE = /\p{Surrogate}/u;

// C0, DEL and C1 controls. In an identifier they are mistakes, and break logs, terminals and columns.
const CONTROL = /\p{Control}/u;

/** False if the text holds half of a surrogate pair, which UTF-8 cannot carry and most databases refuse. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** True if the text can stand in a log line, a header and a key: well formed, no control characters. */
export function isIdentifierText(text: string): boolean {
  return isWellFormed(text) && !CONTROL.test(text);
}

/** True if the text has at most `max` characters (Unicode code points, not bytes). */
export function hasCharactersAtMost(text: string, max: number): boolean {
  // A code point is one or two UTF-16 units, so most texts are decided by their length.
  if (text.length <= max) return true;
  if (text.length > 2 * max) return false;
  let count = 0;
  for (const _ of text) count += 1;
  return count <= max;
}
