const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The message with that seed. Every agent makes the same bytes of it. */
export function contentOf(seed: number, length: number): Uint8Array {
  const content = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    content[index] = seed * 31 + index * 7 + Math.floor(index / 256);
  }
  return content;
}

/** FNV-1a of 32 bits, in 8 hexadecimal digits. */
export function digestOf(content: Uint8Array): string {
  let hash = FNV_OFFSET;
  for (const byte of content) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
