import { answerLayout, cellLayout, envelopeLayout, methodLayout, recentLayout } from './call-layout.js';
import { entryLayout, noticeLayout } from './directory-layout.js';
import { fragmentLayout } from './fragment-layout.js';
import { frameLayout } from './frame-layout.js';
import { headerLayout } from './header-layout.js';
import type { Layout } from './layout.js';
import { participantLayout } from './participant-layout.js';

/** All regions of the format, by what the names of their constants begin with in C, Rust and Python. */
export const layouts: Readonly<Record<string, Layout>> = {
  HEADER: headerLayout,
  SLOT: participantLayout,
  FRAME: frameLayout,
  FRAGMENT: fragmentLayout,
  ENTRY: entryLayout,
  NOTICE: noticeLayout,
  CELL: cellLayout,
  ENVELOPE: envelopeLayout,
  ANSWER: answerLayout,
  METHOD: methodLayout,
  RECENT: recentLayout,
};
