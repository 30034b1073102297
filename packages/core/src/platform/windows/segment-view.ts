import { type SharedMemory, shareMemory } from '../../shared-memory.js';
import type { SegmentView } from '../platform.js';
import { ERROR_FILE_NOT_FOUND, FILE_MAP_READ, kernel32, NO_HANDLE, osError } from './kernel32.js';
import { readMark } from './mark-layout.js';
import { View } from './view.js';

/** A view keeps a section alive, and with it the name: so there is one only while it is looked at. */
class SectionView implements SegmentView {
  readonly access: undefined;
  readonly #osName: string;
  #open = true;

  constructor(osName: string) {
    this.#osName = osName;
  }

  hasEnded(): boolean {
    // Only a look tells.
    return !this.#open;
  }

  look<R>(read: (memory: SharedMemory, size: number) => R): R | undefined {
    return this.#open ? lookAt(this.#osName, read) : undefined;
  }

  close(): void {
    this.#open = false;
  }
}

/** Undefined when there is no such section, or one that its creator has not filled yet. */
function lookAt<R>(osName: string, read: (memory: SharedMemory, size: number) => R): R | undefined {
  const { OpenFileMappingW, GetLastError, CloseHandle } = kernel32();
  const section = OpenFileMappingW(FILE_MAP_READ, 0, osName);
  if (section === NO_HANDLE) {
    const code = GetLastError();
    if (code === ERROR_FILE_NOT_FOUND) return undefined;
    throw osError('OpenFileMappingW', code, `cannot look at ${osName}`);
  }
  try {
    const view = new View(section, FILE_MAP_READ, 0, osName);
    try {
      const mark = readMark(view.address, view.regionSize);
      if (mark !== undefined && !mark.ready) return undefined;
      const size = mark?.size ?? view.regionSize;
      return read(shareMemory(view.bytes(size)), size);
    } finally {
      view.close();
    }
  } finally {
    CloseHandle(section);
  }
}

/** See {@link Platform.viewSegment}. */
export function viewSegment(osName: string): SegmentView | undefined {
  return lookAt(osName, () => new SectionView(osName));
}
