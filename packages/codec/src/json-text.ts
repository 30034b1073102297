import { Buffer } from 'node:buffer';

/**
 * A value as JSON on one line, as `toJsonSchema` describes it: bytes are base64, points in time text, whole numbers exact, also those of 64
 * bits. Keys of maps are text.
 */
export function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'null' : JSON.stringify(value);
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  const members = value instanceof Map ? [...value] : Object.entries(value);
  const written = members
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(String(key))}:${jsonText(member)}`);
  return `{${written.join(',')}}`;
}
