/** So many bytes from the random numbers of the operating system. Node's `crypto` takes milliseconds to load, so only here. */
export function randomBytes(count: number): Buffer {
  return process.getBuiltinModule('node:crypto').randomBytes(count);
}

/** A random number of 63 bits that is not 0: no other port has it. */
export function randomNonce(): bigint {
  return BigInt.asUintN(63, randomBytes(8).readBigUInt64LE()) || 1n;
}
