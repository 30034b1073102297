import { type ErrorSchema, type Method, method, nothing, type OutputSchema, stream } from '@mmfbus/service';
import fc from 'fast-check';
import { z } from 'zod';
import { shapedValues } from '../codec/random-shapes.js';

const NAMES = /^[A-Za-z][A-Za-z0-9_]{0,9}$/;

/** A shape, or now and then another validator. */
const schemas = fc.oneof(
  { weight: 5, arbitrary: shapedValues.map(({ shape }) => shape) },
  { weight: 1, arbitrary: fc.constant(z.unknown()) },
);
const streams = schemas.map((schema) => stream(schema));

const errors: fc.Arbitrary<Record<string, ErrorSchema>> = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/),
  fc.oneof(schemas, fc.constant(nothing())),
  { maxKeys: 3, noNullPrototype: true },
);

const outputs: fc.Arbitrary<OutputSchema> = fc.oneof(schemas, streams, fc.constant(nothing()));

const methods: fc.Arbitrary<Method> = fc.oneof(
  fc.record({ input: fc.option(schemas, { nil: undefined }) }).map((options) => method(options)),
  fc
    .record({ input: fc.option(fc.oneof(schemas, streams), { nil: undefined }), output: outputs, errors })
    .map((options) => method(options)),
  fc
    .record({ input: schemas, output: schemas, errors })
    .map((options) => method({ ...options, idempotent: true })),
);

/** Methods of a service, by their names. */
export const contracts: fc.Arbitrary<Record<string, Method>> = fc.dictionary(
  fc.stringMatching(NAMES).filter((name) => !(name in {}) && name !== 'then' && name !== 'toJSON'),
  methods,
  { minKeys: 1, maxKeys: 5, noNullPrototype: true },
);
