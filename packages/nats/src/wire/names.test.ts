import { describe, expect, it } from 'vitest';
import { NameMap, nameProblem, splitSubject } from './names.js';

const INCARNATION = '00f1d0c2a8b94e57';

describe('names of channels and subjects', () => {
  it.each([
    ['prices', 'desk.prices', 'prices', 'desk.prices', `desk.prices.*`],
    ['prices.*', 'desk.prices.>', 'prices.AAPL.x', 'desk.prices.AAPL.x', 'desk.prices.>'],
    ['prices-*', 'desk.>', 'prices-AAPL', 'desk.AAPL', 'desk.>'],
    ['*', '>', 'a.b', 'a.b', '>'],
    ['*', 'desk.>', 'a', 'desk.a', 'desk.>'],
    ['prices.*', '>', 'prices.a', 'a', '>'],
  ])('belong together both ways: %s and %s', (channels, subjects, channel, subject, filter) => {
    expect(nameProblem(channels, subjects)).toBeUndefined();
    const names = new NameMap(channels, subjects);
    expect(names.subjectOf(channel)).toBe(subject);
    expect(names.channelOf(subject)).toBe(channel);
    expect(names.means(channel)).toBe(true);
    expect(names.filter).toBe(filter);
  });

  it('are no others', () => {
    const one = new NameMap('prices', 'desk.prices');
    expect(one.subjectOf('prices2')).toBeUndefined();
    expect(one.channelOf('desk.prices.a')).toBeUndefined();
    const many = new NameMap('prices.*', 'desk.prices.>');
    for (const channel of [
      'prices',
      'prices.',
      'pricesX',
      'orders.a',
      'prices.a..b',
      'prices.a.',
      'prices..a',
    ]) {
      expect(many.subjectOf(channel)).toBeUndefined();
    }
    expect(many.means('prices.a..b')).toBe(true);
    for (const subject of [
      'desk.prices',
      'desk.price.a',
      'desk.prices.é',
      `desk.prices.${'x'.repeat(128)}`,
    ]) {
      expect(many.channelOf(subject)).toBeUndefined();
    }
  });

  it.each([
    ['', 'a', /a channel is 1 to 128 characters/],
    ['a b', 'a', /not "a b"/],
    ['a*b', 'a', /not "a\*b"/],
    ['a*', 'a', /must end in >/],
    ['a*', 'a>', /must end in >/],
    ['a', 'a.>', /a subject is tokens with a \./],
    ['a', 'a.*', /not "a\.\*"/],
    ['a', 'a..b', /not "a\.\.b"/],
    ['a', '', /not ""/],
    ['a*', '*.>', /tokens, then >/],
  ])('that cannot belong together are refused: %s, %s', (channel, subject, problem) => {
    expect(nameProblem(channel, subject)).toMatch(problem);
  });

  it('end in an incarnation, as subjects', () => {
    expect(splitSubject(`desk.prices.${INCARNATION}`)).toEqual({
      subject: 'desk.prices',
      incarnation: INCARNATION,
    });
    for (const full of [
      INCARNATION,
      'desk.prices',
      `desk.prices.${INCARNATION}0`,
      `desk.prices${INCARNATION}`,
    ]) {
      expect(splitSubject(full)).toBeUndefined();
    }
  });
});
