import { Buffer } from 'node:buffer';
import { jsonLine } from './json.js';

/** A line of RFC 4180, without its end: texts as they stand, other values as JSON, nothing for what is missing. */
export function csvLine(cells: readonly unknown[]): string {
  return cells.map((cell) => quotedIfNeeded(textOf(cell))).join(',');
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return jsonLine(value);
}

function quotedIfNeeded(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
