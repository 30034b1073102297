import { callLayout, MAX_SERVICE_NAME_LENGTH } from '@mmfbus/channel/internal';
import { expect, it } from 'vitest';
import { MAX_METHODS } from '../contract/assemble.js';
import { MAX_SERVICE_NAME } from '../contract/names.js';

it('contracts have the limits of the format', () => {
  expect([MAX_METHODS, MAX_SERVICE_NAME]).toEqual([callLayout.METHODS, MAX_SERVICE_NAME_LENGTH]);
});
