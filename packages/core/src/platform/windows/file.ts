import { MmfError } from '../../errors.js';
import { type SharedMemory, shareMemory } from '../../shared-memory.js';
import type { FileRequest, Segment } from '../platform.js';
import {
  ERROR_ALREADY_EXISTS,
  FILE_MAP_READ,
  FILE_MAP_WRITE,
  FILE_SHARE_ALL,
  GENERIC_READ,
  GENERIC_WRITE,
  type Handle,
  INVALID_HANDLE_VALUE,
  kernel32,
  lastError,
  NO_HANDLE,
  OPEN_ALWAYS,
  OPEN_EXISTING,
  osError,
  PAGE_READONLY,
  PAGE_READWRITE,
  readPageSize,
} from './kernel32.js';
import { View } from './view.js';

/** Maps a file; see {@link Platform.openFile}. */
export function openFile({ path, size, readOnly }: FileRequest): Segment {
  const { file, made } = openHandle(path, !readOnly, size > 0 && !readOnly);
  const views = new Set<View>();
  try {
    const present = sizeOf(file, path);
    if (size > present && readOnly) {
      throw new MmfError('SIZE_MISMATCH', `${path} has ${present} bytes, ${size} were asked for`);
    }
    const length = size === 0 ? present : size;
    if (length === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
    const data = mapHandle(file, length, !readOnly, path);
    views.add(data);
    const lockView = readOnly ? mapLockPage(path, length) : data;
    if (lockView !== undefined) views.add(lockView);
    return new MappedFile(file, data, lockView, length, present === 0);
  } catch (error) {
    for (const view of views) view.close();
    kernel32().CloseHandle(file);
    // It stays where another process has mapped it meanwhile.
    if (made) kernel32().DeleteFileW(path);
    throw error;
  }
}

function openHandle(path: string, writable: boolean, create: boolean): { file: Handle; made: boolean } {
  const { CreateFileW, GetLastError, SetLastError } = kernel32();
  const access = writable ? GENERIC_READ + GENERIC_WRITE : GENERIC_READ;
  const disposition = create ? OPEN_ALWAYS : OPEN_EXISTING;
  SetLastError(0);
  const file = CreateFileW(path, access, FILE_SHARE_ALL, null, disposition, 0, NO_HANDLE);
  const code = GetLastError();
  if (file === INVALID_HANDLE_VALUE) throw osError('CreateFileW', code, `cannot open ${path}`);
  return { file, made: create && code !== ERROR_ALREADY_EXISTS };
}

function sizeOf(file: Handle, path: string): number {
  const size = new BigUint64Array(1);
  if (kernel32().GetFileSizeEx(file, size) === 0) throw lastError('GetFileSizeEx', `no size of ${path}`);
  return Number(size[0]);
}

/** Maps the first bytes of the file, and makes it that long. */
function mapHandle(file: Handle, length: number, writable: boolean, path: string): View {
  const { CreateFileMappingW, CloseHandle } = kernel32();
  const protection = writable ? PAGE_READWRITE : PAGE_READONLY;
  const section = CreateFileMappingW(
    file,
    null,
    protection,
    Math.floor(length / 2 ** 32),
    length % 2 ** 32,
    null,
  );
  if (section === NO_HANDLE) throw lastError('CreateFileMappingW', `cannot map ${length} bytes of ${path}`);
  try {
    return new View(section, writable ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ, length, path);
  } finally {
    // The view keeps the section alive.
    CloseHandle(section);
  }
}

/** Undefined where this process may only read. */
function mapLockPage(path: string, length: number): View | undefined {
  let file = NO_HANDLE;
  try {
    ({ file } = openHandle(path, true, false));
    return mapHandle(file, Math.min(length, readPageSize()), true, path);
  } catch (error) {
    if (error instanceof MmfError && error.code === 'ACCESS_DENIED') return undefined;
    throw error;
  } finally {
    if (file !== NO_HANDLE) kernel32().CloseHandle(file);
  }
}

class MappedFile implements Segment {
  readonly memory: SharedMemory;
  readonly lockPage: SharedMemory | undefined;
  readonly size: number;
  readonly created: boolean;
  readonly access: undefined;
  readonly #file: Handle;
  readonly #data: View;
  readonly #views: ReadonlySet<View>;
  #open = true;

  constructor(file: Handle, data: View, lockView: View | undefined, size: number, created: boolean) {
    this.memory = shareMemory(data.bytes(size));
    this.lockPage = lockView && shareMemory(lockView.bytes(Math.min(size, lockView.regionSize)));
    this.size = size;
    this.created = created;
    this.#file = file;
    this.#data = data;
    this.#views = new Set(lockView === undefined ? [data] : [data, lockView]);
  }

  isNamed(): boolean {
    // A name lives as long as what it names.
    return true;
  }

  flush(): void {
    // A read-only view has a lock page of its own, or none, and nothing to write.
    if (!this.#open || this.memory !== this.lockPage) return;
    const { FlushViewOfFile, FlushFileBuffers } = kernel32();
    if (FlushViewOfFile(this.#data.address, this.size) === 0) {
      throw lastError('FlushViewOfFile', `cannot flush ${this.size} bytes`);
    }
    // The first call only starts the writing.
    if (FlushFileBuffers(this.#file) === 0)
      throw lastError('FlushFileBuffers', `cannot flush ${this.size} bytes`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const view of this.#views) view.close();
    kernel32().CloseHandle(this.#file);
  }
}
