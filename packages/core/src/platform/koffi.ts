import { Module } from 'node:module';
import type { default as KoffiModule } from 'koffi';
import { MmfError } from '../errors.js';

type Koffi = typeof KoffiModule;

let loaded: Koffi | undefined;

/**
 * koffi, by which this package calls the operating system. It is loaded at the first use, so that a program which cannot load it
 * gets an error of ours, and only where it needs koffi.
 *
 * @throws {@link MmfError} `UNSUPPORTED` where koffi is missing, or has no binary for this system.
 */
export function koffi(): Koffi {
  loaded ??= load();
  return loaded;
}

function load(): Koffi {
  try {
    // webpack would answer a bare `createRequire` itself.
    return Module.createRequire(ownFile())('koffi') as Koffi;
  } catch (cause) {
    // Further lines tell which file required it.
    const [reason] = (cause as Error).message.split('\n', 1);
    throw new MmfError(
      'UNSUPPORTED',
      `mmfbus cannot load koffi on ${process.platform}-${process.arch}: ${reason}. ` +
        'Install koffi with its optional dependencies, and leave it out of bundles, as docs/bundling.md says',
      { cause },
    );
  }
}

/** The file that this module is in, which in a bundle is the bundle. */
function ownFile(): string {
  try {
    // Only in bundles that are CommonJS: those have nothing in `import.meta`, or the file before it was bundled.
    return __filename;
  } catch {
    return import.meta.url;
  }
}
