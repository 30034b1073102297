import { MmfError } from '../../../errors.js';
import { koffi } from '../../koffi.js';
import { mapFile, mapZeros, type Region } from '../libc.js';
import type { Mapping } from './mapping.js';

/*
 * Where buffers over foreign memory are forbidden, the engine still allocates some memory in whole pages that it never moves: that of
 * WebAssembly. A file can be mapped over it. V8 reserves 10 GiB of addresses for each such memory, of the 1 TiB that its cage
 * has in all. It gives them back when nothing leads to the memory any more, as even a view that was detached from it does: what
 * holds a closed mapping holds the addresses. So memories are used again, for as long as they are there.
 */

/** What this file uses of WebAssembly, which only the types of browsers describe. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
type WasmMemoryClass = new (limits: { initial: number; maximum: number }) => WasmMemory;

/** Bytes of a page of WebAssembly. */
const PAGE_LENGTH: number = 2 ** 16;
/** Bytes that a memory has at most. */
const MAX_LENGTH: number = 2 ** 32;

/** Memories that no mapping uses, with zeros in all their pages. */
const free = new Set<WeakRef<WasmMemory>>();
/** Memories whose pages could not be given back: the engine must not use their addresses for something else. */
const lost = new Set<WasmMemory>();

/** Maps a file over the memory of WebAssembly. */
export function mapOverWasmMemory(fd: number, length: number, protection: number, path: string): Mapping {
  const wasm = takeFree(length) ?? allocate(length, path);
  const { buffer } = wasm;
  const region = { address: koffi().address(buffer), length };
  try {
    mapFile(fd, length, protection, path, region.address);
  } catch (error) {
    // The system may have unmapped what lay there before it failed.
    giveBack(wasm, region);
    throw error;
  }
  return {
    ...region,
    memory: new Uint8Array(buffer, 0, length),
    release() {
      if (buffer.byteLength === 0) return;
      // Detaches the buffer, as `transfer` cannot.
      wasm.grow(0);
      if (buffer.byteLength === 0) giveBack(wasm, region);
    },
  };
}

function giveBack(wasm: WasmMemory, region: Region): void {
  try {
    mapZeros(region);
    free.add(new WeakRef(wasm));
  } catch {
    lost.add(wasm);
  }
}

/** The smallest free memory of that length at least. */
function takeFree(length: number): WasmMemory | undefined {
  let best: { readonly ref: WeakRef<WasmMemory>; readonly wasm: WasmMemory } | undefined;
  for (const ref of free) {
    const wasm = ref.deref();
    if (wasm === undefined) free.delete(ref);
    else if (wasm.buffer.byteLength >= length) {
      if (best === undefined || wasm.buffer.byteLength < best.wasm.buffer.byteLength) best = { ref, wasm };
    }
  }
  if (best !== undefined) free.delete(best.ref);
  return best?.wasm;
}

function allocate(length: number, path: string): WasmMemory {
  const { WebAssembly: wasm } = globalThis as { WebAssembly?: { readonly Memory: WasmMemoryClass } };
  if (wasm === undefined) {
    throw new MmfError(
      'UNSUPPORTED',
      `cannot map ${path}: this runtime allows neither external buffers nor WebAssembly; start it without --jitless`,
    );
  }
  if (length > MAX_LENGTH) {
    throw new MmfError(
      'UNSUPPORTED',
      `${path} has ${length} bytes; a runtime without external buffers maps at most ${MAX_LENGTH}`,
    );
  }
  const pages = Math.ceil(length / PAGE_LENGTH);
  try {
    // The maximum is reserved at once, so that the memory never moves.
    return new wasm.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    throw new MmfError(
      'UNSUPPORTED',
      `cannot map ${length} bytes of ${path}: a runtime without external buffers has addresses for about a hundred mappings. ` +
        'Close channels or mappings that are not needed, or open some in another process',
      { cause },
    );
  }
}
