// What texts may hold.

declare global {
  interface String {
    // Every supported Node has it; the library that the compiler is told of (ES2023) does not.
    isWellFormed(): boolean;
  }
}

/** False if the text holds half of a surrogate pair, which UTF-8 cannot carry and most databases refuse. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/**
 * True if the text can stand in a log line, a header and a key: it is well formed and has no control characters
 * (C0, DEL, C1), which are mistakes in an identifier and break logs, terminals and columns.
 */
export function isIdentifierText(text: string): boolean {
  let mayBeHalf = false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return false;
    if (unit >= 0xd800) mayBeHalf = true;
  }
  return !mayBeHalf || text.isWellFormed();
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

const PLAIN = /^[ !#-[\]-~]*$/;

/** The text as JSON has it. Most texts need no escapes, and to see that costs a fraction of JSON.stringify. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
