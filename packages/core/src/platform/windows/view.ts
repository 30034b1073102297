import { constants } from 'node:buffer';
import { detach } from '../../detach.js';
import { MmfError } from '../../errors.js';
import { externalBuffer } from '../external-buffers.js';
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
  #memory: Uint8Array<ArrayBuffer> | undefined;

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

  /** The bytes of this view, always the same ones. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    if (this.#memory !== undefined) return this.#memory;
    // Node would end the process instead of throwing.
    if (length > constants.MAX_LENGTH) {
      throw new MmfError(
        'UNSUPPORTED',
        `this Node can map ${constants.MAX_LENGTH} bytes at most, not ${length}; a smaller size maps the beginning`,
      );
    }
    const buffer = externalBuffer(this.address, length);
    if (buffer === undefined) {
      throw new MmfError(
        'UNSUPPORTED',
        'this runtime forbids external buffers, and on Windows there is no other way to shared memory; ' +
          'use mmfbus in a process of Node, which node.exe starts',
      );
    }
    this.#memory = new Uint8Array(buffer);
    return this.#memory;
  }

  /** Unmaps. A buffer that cannot be detached stays mapped: a leak, where an access after unmapping would be a crash. */
  close(): void {
    if (this.#memory !== undefined && !detach(this.#memory.buffer)) return;
    this.#forgetThreadEnd();
    kernel32().UnmapViewOfFile(this.address);
  }
}
