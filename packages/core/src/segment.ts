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
  isMode,
  type Rules,
} from './arguments.js';
import { atExit } from './exit-hooks.js';
import { type ValidNamespace, ValidNamespaces } from './namespaces.js';
import { platform } from './platform/index.js';
import type { Disposition, Segment } from './platform/platform.js';

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
  /**
   * Has a new segment use large pages: SEC_LARGE_PAGES on Windows, which takes SeLockMemoryPrivilege; transparent huge
   * pages on Linux, which takes a `/dev/shm` that is mounted with `huge=advise` or more. Fails where the system does not
   * grant them. Defaults to false.
   */
  readonly largePages?: boolean | undefined;
  /** Fills a new segment before anybody else can see it; may be called again when a creator died in it. */
  readonly initialise?: ((memory: ArrayBuffer) => void) | undefined;
}

const DISPOSITIONS: readonly Disposition[] = ['create', 'open', 'open-or-create'];

const SEGMENT_RULES: Rules = {
  name: isAnything,
  namespace: isAnything,
  disposition: isAnything,
  size: isAnything,
  existingSize: isAnything,
  mode: isMode,
  largePages: isBoolean,
  initialise: isFunction,
};

/**
 * Creates or opens named memory: the raw bytes that mappings and channels are built on. It closes at the end of the
 * process by itself.
 *
 * @throws {@link MmfError} `INVALID_ARGUMENT`, `INVALID_NAME`, `NOT_FOUND`, `EXISTS`, `SIZE_MISMATCH`, `NO_SPACE`,
 * `ACCESS_DENIED`, `BUSY` or `OS_ERROR`.
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
  const { name, namespace = ValidNamespaces.LOCAL, disposition, size, existingSize = size } = options;
  const { mode, largePages, initialise } = options;
  checkName(name);
  checkOneOf(disposition, DISPOSITIONS, 'disposition');
  checkNamespace(namespace);
  checkSize(size, 'size', disposition === 'open' ? 0 : 1, MAX_SEGMENT_SIZE);
  checkSize(existingSize, 'existingSize', 0, MAX_SEGMENT_SIZE);
  const segment = platform.openSegment({
    osName: platform.osName(name, namespace),
    disposition,
    size,
    existingSize,
    readOnly,
    ...(mode === undefined ? {} : { mode }),
    ...(largePages === undefined ? {} : { largePages }),
    ...(initialise === undefined ? {} : { initialise }),
  });
  return closedAtExit(segment);
}

/**
 * Maps a file, which keeps the data. It closes at the end of the process by itself.
 *
 * @param size bytes that are mapped; the file is made that long where it is shorter. 0 maps the file as it is.
 * @throws {@link MmfError} `NOT_FOUND`, `SIZE_MISMATCH`, `NO_SPACE`, `ACCESS_DENIED` or `OS_ERROR`.
 */
export function openFileSegment(path: string, size: number, readOnly: boolean): Segment {
  checkPath(path);
  return closedAtExit(platform.openFile({ path, size, readOnly }));
}

function closedAtExit(segment: Segment): Segment {
  const forgetExit = atExit(() => segment.close());
  return {
    memory: segment.memory,
    lockPage: segment.lockPage,
    size: segment.size,
    created: segment.created,
    flush: () => segment.flush(),
    close: (last) => {
      segment.close(last);
      forgetExit();
    },
  };
}
