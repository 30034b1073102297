import { readFileSync, writeFileSync } from 'node:fs';

// Offsets of the PE format, https://learn.microsoft.com/windows/win32/debug/pe-format
const PE_OFFSET = 0x3c;
const COFF_HEADER_LENGTH = 24;
const SECTION_COUNT = 6;
const OPTIONAL_HEADER_LENGTH = 20;
const SECTION_HEADER_LENGTH = 40;
// In the optional header of a 64-bit image.
const FILE_ALIGNMENT = 36;
const HEADERS_LENGTH = 60;
const CERTIFICATES = 144;
const CERTIFICATES_LENGTH = 8;
// In the header of a section.
const RAW_LENGTH = 16;
const RAW_OFFSET = 20;

const PAGE = 4096;

/**
 * A copy of the bytes, and zeros up to the end of the page.
 *
 * @param {Buffer} bytes
 */
function padded(bytes) {
  return Buffer.concat([bytes], Math.ceil(bytes.length / PAGE) * PAGE);
}

/**
 * Moves each section of a 64-bit Windows program to the start of a page of its file. Wine maps such a file, and loads
 * what is used of it; others it reads as a whole, each time a process starts: Node starts more than twice as fast. The
 * signature is left out, as it fits no more.
 *
 * @param {string} path of the program, which is written over.
 */
export function pageAlign(path) {
  const image = readFileSync(path);
  const pe = image.readUInt32LE(PE_OFFSET);
  const optional = pe + COFF_HEADER_LENGTH;
  const table = optional + image.readUInt16LE(pe + OPTIONAL_HEADER_LENGTH);
  const sections = Array.from({ length: image.readUInt16LE(pe + SECTION_COUNT) }, (_, index) => {
    const header = table + index * SECTION_HEADER_LENGTH;
    const start = image.readUInt32LE(header + RAW_OFFSET);
    return { header, bytes: image.subarray(start, start + image.readUInt32LE(header + RAW_LENGTH)) };
  });
  const headers = padded(image.subarray(0, image.readUInt32LE(optional + HEADERS_LENGTH)));
  headers.writeUInt32LE(PAGE, optional + FILE_ALIGNMENT);
  headers.writeUInt32LE(headers.length, optional + HEADERS_LENGTH);
  headers.fill(0, optional + CERTIFICATES, optional + CERTIFICATES + CERTIFICATES_LENGTH);
  let end = headers.length;
  const parts = [headers];
  for (const { header, bytes } of sections) {
    const section = padded(bytes);
    headers.writeUInt32LE(section.length, header + RAW_LENGTH);
    headers.writeUInt32LE(end, header + RAW_OFFSET);
    parts.push(section);
    end += section.length;
  }
  writeFileSync(path, Buffer.concat(parts));
}
