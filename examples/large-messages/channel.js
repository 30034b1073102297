import { createHash } from 'node:crypto';
import { defineChannel, raw } from 'mmfbus';

/** Pictures as plain bytes. Each of them is 32 times as large as the ring. */
export const pictures = defineChannel({ name: 'pictures', codec: raw(), capacity: 1024 * 1024 });

export function describe(picture) {
  const hash = createHash('sha256').update(picture).digest('hex');
  return `${picture.length} bytes, sha256 ${hash.slice(0, 16)}`;
}
