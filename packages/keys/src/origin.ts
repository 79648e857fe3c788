/** Origins as browsers name them (RFC 6454). */

/** `https://example.org`, with neither path nor slash at the end: what a browser sends in `Origin`. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
