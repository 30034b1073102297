import { constants } from 'node:buffer';
import { detach } from '../../detach.js';
import { MmfError } from '../../errors.js';
import { koffi } from '../koffi.js';
import { atThreadEnd } from '../thread-end.js';
import {
  type Address,
  ERROR_INVALID_PARAMETER,
  FILE_MAP_WRITE,
  type Handle,
  kernel32,
  osError,
  readRegionSize,
} from './kernel32.js';

/** A mapped view of a section. */
export class View {
  readonly address: Address;
  /** Bytes, in whole pages. */
  readonly regionSize: number;
  readonly #forgetThreadEnd: () => void;
  #memory: ArrayBuffer | undefined;

  /** Maps the first `length` bytes; 0 = all. */
  constructor(section: Handle, access: number, length: number, objectName: string) {
    const { addresses, MapViewOfFile, GetLastError, UnmapViewOfFile } = kernel32();
    const address = MapViewOfFile(section, access, 0, 0, length);
    if (address === null) {
      const code = GetLastError();
      // What Windows says of a writable view where the section itself was made read-only.
      const isReadOnly = code === ERROR_INVALID_PARAMETER && (access & FILE_MAP_WRITE) !== 0;
      const message = `cannot map ${length === 0 ? 'all' : `${length} bytes`} of ${objectName}`;
      throw osError('MapViewOfFile', code, message, isReadOnly ? 'ACCESS_DENIED' : undefined);
    }
    this.address = address;
    try {
      this.regionSize = readRegionSize(address);
    } catch (error) {
      UnmapViewOfFile(address);
      throw error;
    }
    this.#forgetThreadEnd = atThreadEnd(addresses.UnmapViewOfFile, address);
  }

  /** The one buffer of this view. */
  buffer(length: number): ArrayBuffer {
    if (this.#memory !== undefined) return this.#memory;
    // Node would end the process instead of throwing.
    if (length > constants.MAX_LENGTH) {
      throw new MmfError(
        'UNSUPPORTED',
        `this Node can map ${constants.MAX_LENGTH} bytes at most, not ${length}; a smaller size maps the beginning`,
      );
    }
    this.#memory = koffi().view(this.address, length);
    return this.#memory;
  }

  /** Unmaps. A buffer that cannot be detached stays mapped: a leak, where an access after unmapping would be a crash. */
  close(): void {
    if (this.#memory !== undefined && !detach(this.#memory)) return;
    this.#forgetThreadEnd();
    kernel32().UnmapViewOfFile(this.address);
  }
}
