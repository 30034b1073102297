import { closeSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { MmfError } from '../../errors.js';
import { fromFsError } from '../../os-error.js';
import { type SharedMemory, shareMemory } from '../../shared-memory.js';
import type { Access, SegmentView } from '../platform.js';
import { accessOf } from './audience.js';
import { PROT_READ } from './libc.js';
import { type Mapping, map } from './mapping/index.js';
import { directory } from './names.js';
import { checkFile, openFd, readMark } from './segment-file.js';

class FileView implements SegmentView {
  readonly access: Access;
  readonly #fd: number;
  readonly #mapped: Mapping;
  readonly #memory: SharedMemory;
  #open = true;

  constructor(fd: number, mapped: Mapping) {
    this.access = accessOf(fstatSync(fd));
    this.#fd = fd;
    this.#mapped = mapped;
    this.#memory = shareMemory(mapped.memory);
  }

  hasEnded(): boolean {
    // The last holder of a segment removes its name, and a segment never has another one.
    return !this.#open || fstatSync(this.#fd).nlink === 0;
  }

  look<R>(read: (memory: SharedMemory, size: number) => R): R | undefined {
    return this.#open ? read(this.#memory, this.#mapped.length) : undefined;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#mapped.release();
    closeSync(this.#fd);
  }
}

/** See {@link Platform.viewSegment}. */
export function viewSegment(osName: string): SegmentView | undefined {
  const path = join(directory(), osName);
  const fd = openFd(path, true);
  if (fd === undefined) return undefined;
  let view: SegmentView | undefined;
  try {
    const stat = fstatSync(fd, { bigint: true });
    checkFile(path, osName, stat);
    const size = readMark(fd, Number(stat.size)) ?? Number(stat.size);
    if (size === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
    view = new FileView(fd, map(fd, size, PROT_READ, path));
    return view;
  } catch (error) {
    throw fromFsError(error, `cannot look at ${path}`);
  } finally {
    if (view === undefined) closeSync(fd);
  }
}
