type Transferable = ArrayBuffer & { transfer?: (length: number) => ArrayBuffer };

/**
 * Detaches a buffer, so that no typed array reaches its memory any more: what has to happen before that memory is
 * unmapped, since an access after that would kill the process.
 *
 * Node 22 has `ArrayBuffer.prototype.transfer`. Node 20 has not, and `structuredClone` there copies memory that it does
 * not own and leaves the original attached; handing the buffer to a byte stream detaches it on every version.
 *
 * @returns whether the buffer is detached; when not, its memory must stay mapped.
 */
export function detach(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength === 0) return true;
  const { transfer } = buffer as Transferable;
  if (transfer !== undefined) {
    transfer.call(buffer, 0);
  } else {
    new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(new Uint8Array(buffer)) });
  }
  return buffer.byteLength === 0;
}
