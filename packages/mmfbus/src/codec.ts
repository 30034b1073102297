/**
 * `@mmfbus/codec` under the name `mmfbus/codec`.
 *
 * @module
 */
export * from '@mmfbus/codec';
