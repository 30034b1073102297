import { MmfError } from '../../errors.js';
import { type SharedMemory, shareMemory } from '../../shared-memory.js';
import { timers } from '../../timers.js';
import type { Opening, Segment, SegmentRequest } from '../platform.js';
import {
  ERROR_ACCESS_DENIED,
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_NOT_FOUND,
  FILE_MAP_READ,
  FILE_MAP_WRITE,
  type Handle,
  holdHandle,
  INVALID_HANDLE_VALUE,
  kernel32,
  lastError,
  NO_HANDLE,
  osError,
  PAGE_READWRITE,
  readPageSize,
  SEC_COMMIT_LARGE_PAGES,
} from './kernel32.js';
import { enableLargePages } from './large-pages.js';
import { type Mark, markedSize, readMark, writeMark } from './mark-layout.js';
import { holdName, type NameHold } from './name-mutex.js';
import { View } from './view.js';

/*
 * Lifetime. Windows frees a section with its last handle and view, and its name with its last handle.
 *
 * A name is looked up, created and filled under a mutex, so a process that opens one of ours finds it filled. When the
 * mutex's last owner died with it, it may have been a creator or merely an opener: the mark tells, since it says
 * `ready` only after the filling. A section without a mark comes from a program that knows nothing of us.
 */

const READ_WRITE = FILE_MAP_READ | FILE_MAP_WRITE;
/** How long a dying process may take to give its handles back, and how often to look, milliseconds. */
const LONGEST_DYING = 500;
const RETRY = 5;

/** A section that is open and mapped. */
interface Found {
  readonly section: Handle;
  readonly view: View;
  readonly isNew: boolean;
}

/** Opens or creates the segment; see {@link Platform.openSegment}. */
export function* openSegment(request: SegmentRequest): Opening {
  const hold = yield* holdNameFor(request);
  try {
    const deadline = timers.now() + LONGEST_DYING;
    for (let last = false; ; last = yield RETRY) {
      const segment = tryOpen(request, hold, timers.now() >= deadline);
      if (segment !== undefined) return segment;
      if (last) throw new MmfError('BUSY', `${request.osName} is held by a process that is ending`);
    }
  } finally {
    hold?.release();
  }
}

/** Undefined where the mutex belongs to another user: what others made can be opened nevertheless. */
function* holdNameFor({ osName, disposition }: SegmentRequest): Opening<NameHold | undefined> {
  try {
    return yield* holdName(osName);
  } catch (error) {
    const isDenied = error instanceof MmfError && error.os?.osCode === ERROR_ACCESS_DENIED;
    if (disposition === 'open' && isDenied) return undefined;
    throw error;
  }
}

/** Undefined: look again, since what is there may be going away or be in the making. Never so at the `last` time. */
function tryOpen(request: SegmentRequest, hold: NameHold | undefined, last: boolean): Segment | undefined {
  const found = findSection(request);
  let segment: Segment | undefined;
  try {
    segment = adopt(found, request, hold, last);
    return segment;
  } finally {
    if (segment === undefined) {
      found.view.close();
      kernel32().CloseHandle(found.section);
    }
  }
}

function adopt(
  found: Found,
  request: SegmentRequest,
  hold: NameHold | undefined,
  last: boolean,
): Segment | undefined {
  const { osName, disposition, existingSize } = request;
  const { view, isNew } = found;
  if (isNew) return fill(found, request);
  const mark = readMark(view.address, view.regionSize);
  if (mark === undefined && hold?.abandoned === true && !last) return undefined;
  if (mark !== undefined && !mark.ready) return adoptUnfilled(found, request, hold, last);
  if (disposition === 'create') throw new MmfError('EXISTS', `${osName} exists already`);
  const available = mark?.size ?? view.regionSize;
  if (existingSize > available) {
    throw new MmfError('SIZE_MISMATCH', `${osName} has ${available} bytes, ${existingSize} were asked for`);
  }
  return new MappedSegment(found, existingSize === 0 ? available : existingSize, request);
}

/** For a section whose creator died while filling it, or may be filling it now if we could not hold the name. */
function adoptUnfilled(
  found: Found,
  request: SegmentRequest,
  hold: NameHold | undefined,
  last: boolean,
): Segment | undefined {
  const { osName, disposition, size } = request;
  if (hold === undefined) {
    if (!last) return undefined;
    throw new MmfError(
      'BUSY',
      `${osName} is being created by another process; gave up after ${LONGEST_DYING} ms`,
    );
  }
  if (disposition === 'open') {
    throw new MmfError('NOT_FOUND', `there is no ${osName}: its creator died before it was complete`);
  }
  const available = found.view.regionSize;
  if (markedSize(size, readPageSize()) <= available) return fill(found, request);
  if (!last) return undefined;
  throw new MmfError(
    'SIZE_MISMATCH',
    `${osName} was left incomplete by a dead process and is held by another one; it has ${available} bytes, ` +
      `${size} were asked for`,
  );
}

function fill(found: Found, request: SegmentRequest): Segment {
  const { view, isNew } = found;
  const { size } = request;
  const mark = (ready: boolean): Mark => ({ size, ready });
  writeMark(view.address, view.regionSize, mark(false));
  const memory = view.bytes(size);
  if (!isNew) memory.fill(0);
  request.initialise?.(memory);
  writeMark(view.address, view.regionSize, mark(true));
  return new MappedSegment({ ...found, isNew: true }, size, request);
}

function findSection({ osName, disposition, size, readOnly, largePages }: SegmentRequest): Found {
  const access = readOnly === true ? FILE_MAP_READ : READ_WRITE;
  let section = NO_HANDLE;
  let isNew = false;
  if (disposition !== 'create') {
    section = kernel32().OpenFileMappingW(access, 0, osName);
    if (section === NO_HANDLE) {
      const code = kernel32().GetLastError();
      if (code !== ERROR_FILE_NOT_FOUND) throw osError('OpenFileMappingW', code, `cannot open ${osName}`);
      if (disposition === 'open') throw osError('OpenFileMappingW', code, `there is no ${osName}`);
    }
  }
  if (section === NO_HANDLE) ({ section, isNew } = createSection(osName, size, largePages === true));
  try {
    return { section, view: new View(section, access, 0, osName), isNew };
  } catch (error) {
    kernel32().CloseHandle(section);
    throw error;
  }
}

function createSection(
  osName: string,
  size: number,
  largePages: boolean,
): { section: Handle; isNew: boolean } {
  const { CreateFileMappingW, GetLastError, SetLastError } = kernel32();
  const total = markedSize(size, largePages ? enableLargePages(osName) : readPageSize());
  SetLastError(0);
  const section = CreateFileMappingW(
    INVALID_HANDLE_VALUE,
    null,
    largePages ? PAGE_READWRITE + SEC_COMMIT_LARGE_PAGES : PAGE_READWRITE,
    Math.floor(total / 2 ** 32),
    total % 2 ** 32,
    osName,
  );
  const code = GetLastError();
  if (section !== NO_HANDLE) return { section, isNew: code !== ERROR_ALREADY_EXISTS };
  const hint =
    code === ERROR_ACCESS_DENIED && osName.startsWith('Global\\')
      ? '; mappings in Global\\ need the privilege SeCreateGlobalPrivilege'
      : '';
  throw osError('CreateFileMappingW', code, `cannot create ${osName} with ${total} bytes${hint}`);
}

/** Undefined where this process may only read. */
function mapLockPage(osName: string, length: number): View | undefined {
  let section = NO_HANDLE;
  try {
    section = kernel32().OpenFileMappingW(READ_WRITE, 0, osName);
    if (section === NO_HANDLE) throw lastError('OpenFileMappingW', `cannot open ${osName} for its lock`);
    return new View(section, READ_WRITE, length, osName);
  } catch (error) {
    if (error instanceof MmfError && error.code === 'ACCESS_DENIED') return undefined;
    throw error;
  } finally {
    // The view keeps the section alive, and the segment's own handle keeps the name.
    if (section !== NO_HANDLE) kernel32().CloseHandle(section);
  }
}

class MappedSegment implements Segment {
  readonly memory: SharedMemory;
  readonly lockPage: SharedMemory | undefined;
  readonly size: number;
  readonly created: boolean;
  readonly access: undefined;
  readonly #closeSection: () => void;
  readonly #views: readonly View[];
  #open = true;

  constructor({ section, view, isNew }: Found, size: number, { osName, readOnly }: SegmentRequest) {
    const pageSize = readPageSize();
    this.memory = shareMemory(view.bytes(size));
    // A view of the whole section is asked for as 0 bytes: one page may be more than a small foreign section has.
    const lockView =
      readOnly === true ? mapLockPage(osName, view.regionSize > pageSize ? pageSize : 0) : undefined;
    this.lockPage =
      readOnly === true ? lockView && shareMemory(lockView.bytes(Math.min(size, pageSize))) : this.memory;
    this.size = size;
    this.created = isNew;
    this.#closeSection = holdHandle(section);
    this.#views = lockView === undefined ? [view] : [view, lockView];
  }

  isNamed(): boolean {
    // A name lives as long as what it names.
    return true;
  }

  flush(): void {
    // No file backs it.
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const view of this.#views) view.close();
    this.#closeSection();
  }
}
