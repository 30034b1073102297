import { MmfError } from '../errors.js';
import type { Platform } from './platform.js';
import { posixPlatform } from './posix/index.js';
import { windowsPlatform } from './windows/index.js';

/*
 * All platforms are imported, since an import that depends on the system would need a top-level await, which `require()`
 * refuses. Each binds its libraries at the first call.
 */
const platforms: Partial<Record<NodeJS.Platform, Platform>> = {
  linux: posixPlatform,
  darwin: posixPlatform,
  win32: windowsPlatform,
};

/**
 * The operating system that this process runs on.
 *
 * @throws {@link MmfError} `UNSUPPORTED` where mmfbus does not know that system.
 */
export function platform(): Platform {
  const found = platforms[process.platform];
  if (found !== undefined) return found;
  throw new MmfError(
    'UNSUPPORTED',
    `mmfbus does not run on ${process.platform}; it runs on ${Object.keys(platforms).join(', ')}`,
  );
}
