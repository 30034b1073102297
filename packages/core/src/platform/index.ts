import type { Platform } from './platform.js';

/** The operating system that this process runs on. Only its folder is loaded. */
export const platform: Platform =
  process.platform === 'win32'
    ? (await import('./windows/index.js')).createWindowsPlatform()
    : (await import('./posix/index.js')).createPosixPlatform();
