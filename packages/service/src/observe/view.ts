import { type ChannelMemory, namespaceOf, viewChannelMemory } from '@mmfbus/channel/internal';
import { viewSegment } from '@mmfbus/core/internal';

/**
 * Looks into a segment of a service without joining it: memory that is mapped for reading only, without a slot, a lock or a bell.
 *
 * @param read must not keep the memory.
 * @returns undefined where there is no such segment.
 * @throws `ChannelError` `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; `MmfError` where the operating system refuses; what
 * `read` throws.
 */
export function lookInto<R>(segment: string, read: (memory: ChannelMemory) => R): R | undefined {
  const view = viewSegment(segment, namespaceOf('user'));
  if (view === undefined) return undefined;
  const { access } = view;
  try {
    return view.look((memory, size) =>
      read(
        viewChannelMemory(segment, 'user', { memory, size, access, isNamed: () => true, close: () => {} }),
      ),
    );
  } finally {
    view.close();
  }
}
