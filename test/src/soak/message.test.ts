import { describe, expect, it } from 'vitest';
import { makeMessage, readMessage, SHORTEST } from './message.js';

describe('a message of the soak', () => {
  it.each([SHORTEST, SHORTEST + 1, SHORTEST + 3, 1000])('of %d bytes says what it is', (length) => {
    const content = { publisher: 7, counter: 12, length, begun: 123_456_789_012 };
    expect(readMessage(makeMessage(content))).toEqual(content);
  });

  it.each([SHORTEST + 3, 64])('of %d bytes shows each bit that is another one', (length) => {
    const content = { publisher: 7, counter: 12, length, begun: 123_456_789_012 };
    const made = makeMessage(content);
    for (let bit = 0; bit < 8 * length; bit++) {
      const altered = made.slice();
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(readMessage(altered), `bit ${bit}`).toBeTypeOf('string');
    }
  });

  it('shows that bytes are missing', () => {
    const made = makeMessage({ publisher: 7, counter: 12, length: 100, begun: 0 });
    for (let length = 0; length < 100; length++) {
      expect(readMessage(made.slice(0, length))).toBeTypeOf('string');
    }
  });
});
