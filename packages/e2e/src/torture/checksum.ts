/**
 * CRC-32 as the format of the spool states it, computed by this code alone, so that a mistake in the product's
 * checksum cannot hide from the checker.
 */

/** The polynomial of zlib, reflected. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** The checksum of `bytes`, going on from the checksum of what stands before them. */
export function checksum(bytes: Uint8Array, before = 0): number {
  let value = ~before;
  // An iterator would take five times as long.
  for (let index = 0; index < bytes.length; index += 1) {
    value = (TABLE[(value ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8);
  }
  return ~value >>> 0;
}
