/**
 * `@mmfbus/core` under the name `mmfbus/core`.
 *
 * @module
 */
export * from '@mmfbus/core';
