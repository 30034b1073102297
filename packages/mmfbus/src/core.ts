/**
 * `@mmfbus/core` under the name `mmfbus/core`.
 *
 * @module mmfbus/core
 */
export * from '@mmfbus/core';
