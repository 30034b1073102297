import { closeSync, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openSegment } from '@mmfbus/core/internal';
import koffi from 'koffi';

/** Of `<sys/file.h>`. */
const LOCK_EX = 2;

/**
 * Leaves a segment behind as a process does that is killed, and locks it as one does that is about to remove it.
 *
 * @returns removes it, and the lock.
 */
export function holdLeftover(name: string): () => void {
  const path = join(process.env['MMFBUS_DIRECTORY']!, `mmfbus.${process.getuid!()}.${name}`);
  const segment = openSegment({ name, disposition: 'create', size: 64 });
  linkSync(path, `${path}-left`);
  segment.close();
  renameSync(`${path}-left`, path);
  const fd = openSync(path, 'r+');
  koffi.load(null).func('int flock(int fd, int operation)')(fd, LOCK_EX);
  return () => {
    rmSync(path);
    closeSync(fd);
  };
}
