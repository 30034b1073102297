import {
  checkName,
  checkNamespace,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSize,
  isAnything,
  isBoolean,
  isFunction,
  isGroup,
  isMode,
  type Rules,
  WAIT_RULES,
} from './arguments.js';
import { atExit } from './exit-hooks.js';
import type { LockWait } from './lock.js';
import { type ValidNamespace, ValidNamespaces } from './namespaces.js';
import { openInTurns, openNow } from './opening.js';
import { platform } from './platform/index.js';
import type { Disposition, Opening, Segment, SegmentView } from './platform/platform.js';
import type { OwnBytes } from './shared-memory.js';

/** Largest size that is asked of the operating system, bytes: what a Number counts exactly, less room for our own. */
export const MAX_SEGMENT_SIZE: number = Number.MAX_SAFE_INTEGER - 2 ** 20;

/** Options of {@link openSegment}. */
export interface OpenSegmentOptions {
  /** 1 character at least; no NUL, and no separator of the operating system. */
  readonly name: string;
  /** Where the name lives. Defaults to `ValidNamespaces.LOCAL`. */
  readonly namespace?: ValidNamespace | undefined;
  /** `create` fails when it exists, `open` when it does not. */
  readonly disposition: Disposition;
  /** Bytes of a new one; not used with `open`. */
  readonly size: number;
  /**
   * Bytes of one that exists, which it must have at least and of which no more are mapped; 0 maps all there are.
   * Defaults to `size`.
   */
  readonly existingSize?: number | undefined;
  /** POSIX permission bits of a new segment. Defaults to 0o600. */
  readonly mode?: number | undefined;
  /** POSIX group of a new segment, by its id or its name. Defaults to the one that the operating system gives it. */
  readonly group?: number | string | undefined;
  /**
   * Has a new segment use large pages: SEC_LARGE_PAGES on Windows, which takes SeLockMemoryPrivilege; transparent huge
   * pages on Linux, which takes a `/dev/shm` that is mounted with `huge=advise` or more. Fails where the system does not
   * grant them. Defaults to false.
   */
  readonly largePages?: boolean | undefined;
  /** Fills a new segment, which is all zero, before any other process uses it. */
  readonly initialise?: ((memory: OwnBytes) => void) | undefined;
}

const DISPOSITIONS: readonly Disposition[] = ['create', 'open', 'open-or-create'];

const SEGMENT_RULES: Rules = {
  name: isAnything,
  namespace: isAnything,
  disposition: isAnything,
  size: isAnything,
  existingSize: isAnything,
  mode: isMode,
  group: isGroup,
  largePages: isBoolean,
  initialise: isFunction,
};

/**
 * Creates or opens named memory: the raw bytes that mappings and channels are built on. It closes at the end of the
 * process by itself.
 *
 * Where another process is creating or removing the name at this moment, this waits 500 ms at most, and blocks the event
 * loop; {@link awaitSegment} does not.
 *
 * @throws {@link MmfError} `INVALID_ARGUMENT`, `INVALID_NAME`, `NOT_FOUND`, `EXISTS`, `SIZE_MISMATCH`, `NO_SPACE`,
 * `ACCESS_DENIED`, `BUSY`, `UNSUPPORTED` or `OS_ERROR`. Then nothing is left of it.
 */
export function openSegment(options: OpenSegmentOptions): Segment {
  checkOptions(options, SEGMENT_RULES, 'openSegment');
  return openSegmentFor(options, false);
}

/**
 * As {@link openSegment}, also for reading only. The memory of such a segment must not get into other hands: JavaScript
 * has no read-only buffer, and a store into it ends the process.
 */
export function openSegmentFor(options: OpenSegmentOptions, readOnly: boolean): Segment {
  return closedAtExit(openNow(startOpening(options, readOnly)));
}

/**
 * As {@link openSegment}, without blocking the event loop for more than some milliseconds at a time.
 *
 * @param wait `timeout` limits the waiting for other processes. Defaults to 5000 ms.
 * @throws {@link MmfError} as {@link openSegment} does; the signal's reason when it aborts. Then nothing is left of it.
 */
export async function awaitSegment(options: OpenSegmentOptions, wait: LockWait = {}): Promise<Segment> {
  checkOptions(options, SEGMENT_RULES, 'awaitSegment');
  checkOptions(wait, WAIT_RULES, 'awaitSegment');
  return closedAtExit(await openInTurns(startOpening(options, false), wait));
}

function startOpening(options: OpenSegmentOptions, readOnly: boolean): Opening {
  const { name, namespace = ValidNamespaces.LOCAL, disposition, size, existingSize = size } = options;
  const { mode, group, largePages, initialise } = options;
  checkName(name);
  checkOneOf(disposition, DISPOSITIONS, 'disposition');
  checkNamespace(namespace);
  checkSize(size, 'size', disposition === 'open' ? 0 : 1, MAX_SEGMENT_SIZE);
  checkSize(existingSize, 'existingSize', 0, MAX_SEGMENT_SIZE);
  return platform().openSegment({
    osName: platform().osName(name, namespace),
    disposition,
    size,
    existingSize,
    readOnly,
    ...(mode === undefined ? {} : { mode }),
    ...(group === undefined ? {} : { group }),
    ...(largePages === undefined ? {} : { largePages }),
    ...(initialise === undefined ? {} : { initialise }),
  });
}

/**
 * Opens a segment to look at it without holding it: it takes no lock, keeps nothing alive, and removes nothing.
 *
 * @returns undefined when no segment has that name.
 * @throws {@link MmfError} `INVALID_ARGUMENT`, `INVALID_NAME`, `SIZE_MISMATCH`, `ACCESS_DENIED` or `OS_ERROR`.
 */
export function viewSegment(name: string, namespace: ValidNamespace): SegmentView | undefined {
  checkName(name);
  checkNamespace(namespace);
  return platform().viewSegment(platform().osName(name, namespace));
}

/**
 * Maps a file, which keeps the data. It closes at the end of the process by itself.
 *
 * @param size bytes that are mapped; the file is made that long where it is shorter. 0 maps the file as it is.
 * @throws {@link MmfError} `NOT_FOUND`, `SIZE_MISMATCH`, `NO_SPACE`, `ACCESS_DENIED`, `UNSUPPORTED` or `OS_ERROR`.
 */
export function openFileSegment(path: string, size: number, readOnly: boolean): Segment {
  checkPath(path);
  return closedAtExit(platform().openFile({ path, size, readOnly }));
}

function closedAtExit(segment: Segment): Segment {
  const forgetExit = atExit(() => segment.close());
  return {
    memory: segment.memory,
    lockPage: segment.lockPage,
    size: segment.size,
    created: segment.created,
    access: segment.access,
    isNamed: () => segment.isNamed(),
    flush: () => segment.flush(),
    close: (last) => {
      segment.close(last);
      forgetExit();
    },
  };
}
