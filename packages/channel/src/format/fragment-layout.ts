import { field, type Layout, layout, spare } from './layout.js';

const fragment = layout('Header of a fragment', [
  field('began', 'i64', 'position of the first fragment of the message'),
  field('total', 'u32', 'bytes of the whole message'),
  field('offset', 'u32', 'where in the message these bytes belong'),
  field('generation', 'u32', "generation of the publisher's slot"),
  spare(4),
]);

/** What stands before the bytes of a fragment, in the payload of its frame. */
export const fragmentLayout: Layout = fragment;

/** Bytes of a fragment's header. */
export const FRAGMENT_HEADER_LENGTH: number = fragment.length;
export const FRAGMENT_BEGAN_OFFSET: number = fragment.offsetOf('began');
export const FRAGMENT_TOTAL_OFFSET: number = fragment.offsetOf('total');
export const FRAGMENT_OFFSET_OFFSET: number = fragment.offsetOf('offset');
export const FRAGMENT_GENERATION_OFFSET: number = fragment.offsetOf('generation');
