/**
 * Keyed hash for tables whose keys an attacker may choose.
 *
 * @module
 */

/** Random key of a hash, unknown to clients, which choose what is hashed. */
export type HashKey = readonly [number, number];

/**
 * Hashes words to 32 bits with HalfSipHash-1-3 (Aumasson and Bernstein), as Linux does for its tables: without the key,
 * an attacker finds words with equal hashes only by chance.
 */
export function halfSipHash([key0, key1]: HashKey, words: Uint32Array): number {
  let v0 = key0 | 0;
  let v1 = key1 | 0;
  let v2 = 0x6c796765 ^ key0;
  let v3 = 0x74656462 ^ key1;
  const count = words.length;
  // One round for each word, one for the length in bytes, and three to finish.
  for (let round = 0; round < count + 4; round++) {
    const word = round < count ? words[round] ?? 0 : round === count ? count << 26 : 0;
    if (round === count + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = (v1 << 5 | v1 >>> 27) ^ v0;
    v0 = v0 << 16 | v0 >>> 16;
    v2 = (v2 + v3) | 0;
    v3 = (v3 << 8 | v3 >>> 24) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = (v3 << 7 | v3 >>> 25) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = (v1 << 13 | v1 >>> 19) ^ v2;
    v2 = v2 << 16 | v2 >>> 16;
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}
