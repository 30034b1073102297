// Set up before the tests of the project `caged`: they must never come to an external buffer.
import koffi from 'koffi';
import { afterEach, expect } from 'vitest';

let calls = 0;
const { view } = koffi;
koffi.view = (...args) => {
  calls++;
  return view(...args);
};

afterEach(() => {
  expect(calls, 'external buffers that this process made').toBe(0);
});
