import { field, type Layout, layout, spare } from './layout.js';

/** Values of `kind`. */
export const NOTICE_OPENED = 1;
export const NOTICE_CLOSED = 2;
export const NOTICE_CHANGED = 3;

const entry = layout('Entry of the directory', [
  field('state', 'u32', 'even: free; odd: a channel is listed; raised by 1 at each change, last of all'),
  spare(60),
  field('name', 'u8[128]', 'name of the channel, ASCII, padded with zeros'),
]);

const notice = layout('Notice of the directory', [
  field('kind', 'u32', '', {
    NOTICE_OPENED: [NOTICE_OPENED, 'opened'],
    NOTICE_CLOSED: [NOTICE_CLOSED, 'closed'],
    NOTICE_CHANGED: [NOTICE_CHANGED, 'a participant joined or left'],
  }),
  spare(4),
  field('channel', 'u8[128]', 'name of the channel, ASCII, padded with zeros'),
]);

/** One entry of the directory. */
export const entryLayout: Layout = entry;
/** Payload of a message in the directory's ring. */
export const noticeLayout: Layout = notice;

/** Bytes of an entry. */
export const ENTRY_LENGTH: number = entry.length;
export const STATE_OFFSET: number = entry.offsetOf('state');
export const NAME_OFFSET: number = entry.offsetOf('name');
export const NAME_LENGTH = 128;

/** Bytes of a notice. */
export const NOTICE_LENGTH: number = notice.length;
export const KIND_OFFSET: number = notice.offsetOf('kind');
export const CHANNEL_OFFSET: number = notice.offsetOf('channel');
