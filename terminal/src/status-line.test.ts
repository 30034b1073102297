import { WriteStream } from 'node:tty';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Progress } from './progress.js';
import { StatusLine } from './status-line.js';

/** Stands for a terminal, or for a pipe, and keeps what is written. */
function output(isTTY: boolean, columns = 80): { stream: NodeJS.WriteStream; written: () => string } {
  const texts: string[] = [];
  const write = (text: string) => texts.push(text) > 0;
  const stream = Object.assign(Object.create(WriteStream.prototype), { isTTY, columns, write });
  return { stream, written: () => texts.join('') };
}

beforeEach(() => {
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('overwrites its text on a terminal, also a longer one', () => {
  const { stream, written } = output(true);
  const line = new StatusLine(stream);
  line.show('longer');
  line.show('short');
  line.end();
  expect(written()).toBe('\rlonger\rshort \n');
});

test('takes its text away', () => {
  const { stream, written } = output(true);
  const line = new StatusLine(stream);
  line.show('text');
  line.clear();
  line.end();
  expect(written()).toBe('\rtext\r    \r');
});

test('keeps to the width of the terminal', () => {
  const { stream, written } = output(true, 5);
  new StatusLine(stream).show('123456');
  expect(written()).toBe('\r1234');
});

test('writes lines where it cannot overwrite', () => {
  const { stream, written } = output(false);
  const line = new StatusLine(stream);
  line.show('first');
  line.show('second');
  line.clear();
  line.end();
  expect(written()).toBe('first\nsecond\n');
});

test('a progress shows a bar on a terminal, and a line for each tenth elsewhere', () => {
  const terminal = output(true);
  new Progress('published', 8, terminal.stream).end(4);
  expect(terminal.written()).toMatch(/^\rpublished \[#{12}-{12}\] {2}50 % {2}4 of 8, [\d,]+\/s\n$/);

  const pipe = output(false);
  const progress = new Progress('published', 100, pipe.stream);
  for (let done = 1; done <= 100; done++) progress.update(done);
  progress.end(100);
  expect(pipe.written().split('\n')).toHaveLength(11);
});
