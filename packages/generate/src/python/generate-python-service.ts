import type { Contract, ContractMethod, ContractPart } from '../contract.js';
import { Names, pascalCase, snakeCase, wordsOf } from '../names.js';
import { SourceText } from '../source-text.js';
import { targetOfPart } from '../target.js';
import { PythonValue } from './generate-python.js';
import { PythonScope } from './python-types.js';
import { literal, RESERVED } from './words.js';

/** A module for Python: the types of a service, a client that has its methods, and what serves them. */
export function generatePythonService(contract: Contract, name: string): string {
  return new PythonService(contract, wordsOf(name, 'service')).text;
}

/** An error that a method declares. */
interface PythonError {
  readonly code: string;
  /** The function that makes it. */
  readonly maker: string;
  /** Its data; undefined without any. */
  readonly value: PythonValue | undefined;
}

/** A method, with the names that it has in Python. */
interface PythonMethod {
  readonly name: string;
  readonly of: ContractMethod;
  /** Of the client. */
  readonly call: string;
  /** Of the handlers. */
  readonly handler: string;
  readonly input: PythonValue | undefined;
  readonly output: PythonValue | undefined;
  readonly errors: readonly PythonError[];
}

/** What the module has of its own, beside types. */
const MODULE = ['SERVICE', 'CONTRACT', 'serve'];
/** What it imports. */
const IMPORTED = ['Iterable', 'Protocol', 'dataclasses', 'mmfbus', 'mmfbus_service', 'msgpack'];

class PythonService {
  readonly #out = new SourceText();
  readonly #scope: PythonScope;
  readonly #client: string;
  readonly #handlers: string;
  readonly #methods: readonly PythonMethod[];

  constructor(contract: Contract, words: readonly string[]) {
    const name = pascalCase(words);
    this.#client = `${name}Client`;
    this.#handlers = `${name}Handlers`;
    this.#scope = new PythonScope([...MODULE, ...IMPORTED, this.#client, this.#handlers]);
    const calls = new Names(RESERVED, ['client', 'close']);
    const handlers = new Names(RESERVED);
    const makers = new Names(RESERVED, [...MODULE, ...IMPORTED]);
    this.#methods = [...contract.methods].map(([method, of]) => {
      const own = wordsOf(method, 'method');
      return {
        name: method,
        of,
        call: calls.take(snakeCase(own)),
        handler: handlers.take(snakeCase(own)),
        input: this.#value([...own, of.input.kind === 'stream' ? 'in' : 'input'], of.input),
        output: this.#value([...own, of.output.kind === 'stream' ? 'item' : 'output'], of.output),
        errors: [...of.errors].map(([code, part]) => {
          const codeWords = wordsOf(code, 'error');
          return {
            code,
            maker: makers.take(snakeCase([...own, ...codeWords])),
            value: this.#value([...own, 'error', ...codeWords], part),
          };
        }),
      };
    });
    this.#write(contract);
  }

  get text(): string {
    return this.#out.toString();
  }

  #value(words: readonly string[], { shape }: ContractPart): PythonValue | undefined {
    return shape === undefined ? undefined : new PythonValue(targetOfPart(shape, words), this.#scope);
  }

  #write({ name, text }: Contract): void {
    const out = this.#out;
    out.add(
      '# Written by mmfbus-generate from the contract of a service. Do not edit: generate it again.',
      'from __future__ import annotations',
      '',
      'import dataclasses',
      'from collections.abc import Iterable',
      'from typing import Any, Literal, Optional, Protocol, Union',
      '',
      'import msgpack',
      '',
      'import mmfbus',
      'import mmfbus_service',
      'import mmfbus_shape as _shape',
      '',
      '# The name of the service, and its contract.',
      `SERVICE = ${literal(name)}`,
      `CONTRACT = ${literal(text)}`,
      '',
      '',
    );
    for (const { errors, input, output } of this.#methods) {
      for (const value of [input, output, ...errors.map((error) => error.value)]) value?.define(out);
    }
    this.#writeValues();
    for (const method of this.#methods) {
      for (const error of method.errors) this.#writeError(method, error);
    }
    this.#writeClient();
    this.#writeHandlers();
    this.#writeServe();
  }

  #writeValues(): void {
    const out = this.#out;
    const codec = (value: PythonValue | undefined) =>
      value === undefined ? 'None' : `_codec(${value.kind})`;
    out.block(
      'def _codec(kind):',
      () => {
        out.add('def encode(value):', '    return _shape.encode(kind, value)', '');
        out.add('def decode(data):', '    return _shape.decode(kind, data)', '');
        out.add('return mmfbus.Codec("msgpack", encode, decode)');
      },
      '',
    );
    out.add('', '');
    out.block(
      '_VALUES = {',
      () => {
        for (const { errors, input, name, output } of this.#methods) {
          const codes = errors.map(({ code, value }) => `${literal(code)}: ${codec(value)}`);
          out.add(
            `${literal(name)}: mmfbus_service.Values(${codec(input)}, ${codec(output)}, {${codes.join(', ')}}),`,
          );
        }
      },
      '}',
    );
    out.add('', '');
  }

  #writeError({ name }: PythonMethod, { code, maker, value }: PythonError): void {
    const out = this.#out;
    const parameters = value === undefined ? '' : `data: ${value.annotation}`;
    out.block(
      `def ${maker}(${parameters}) -> mmfbus_service.DeclaredError:`,
      () => {
        out.add(`"""The error ${code} of \`${name}\`, for its handler to raise."""`);
        out.add(
          `return mmfbus_service.DeclaredError(${literal(code)}${value === undefined ? '' : ', data'})`,
        );
      },
      '',
    );
    out.add('', '');
  }

  #writeClient(): void {
    const out = this.#out;
    out.block(
      `class ${this.#client}:`,
      () => {
        out.add(
          '"""Calls the service. The options are those of mmfbus_service.Client, which is `client`."""',
          '',
        );
        out.block(
          'def __init__(self, service: str = SERVICE, **options: Any) -> None:',
          () => out.add('self.client = mmfbus_service.Client(service, CONTRACT, values=_VALUES, **options)'),
          '',
        );
        for (const method of this.#methods) this.#writeCall(method);
        out.add('');
        out.block(
          'def close(self) -> None:',
          () => out.add('"""Gives up all calls, and leaves."""', 'self.client.close()'),
          '',
        );
        out.add('');
        out.block(`def __enter__(self) -> ${this.#client}:`, () => out.add('return self'), '');
        out.add('');
        out.block('def __exit__(self, *_: Any) -> None:', () => out.add('self.close()'), '');
      },
      '',
    );
    out.add('', '');
  }

  #writeCall({ call, input, name, of, output }: PythonMethod): void {
    const out = this.#out;
    const isStream = of.output.kind === 'stream';
    const value = input === undefined ? '' : `, input: ${inputOf(input, of, 'Iterable')}`;
    const result =
      output === undefined
        ? 'None'
        : isStream
          ? `mmfbus_service.Stream[${output.annotation}]`
          : output.annotation;
    const does = of.isOneWay ? 'call_one_way' : isStream ? 'stream' : 'call';
    const passed = input === undefined ? '' : ', input';
    out.add('');
    out.block(
      `def ${call}(self${value}, *, timeout: Any = ...) -> ${result}:`,
      () => {
        const twice = of.isIdempotent ? ', which may run twice' : '';
        const oneWay = of.isOneWay ? ', which no server answers' : '';
        out.add(
          `"""Calls \`${name}\`${twice}${oneWay}. \`timeout\` in seconds, that of the client unless given."""`,
        );
        out.add(`return self.client.${does}(${literal(name)}${passed}, timeout=timeout)`);
      },
      '',
    );
  }

  #writeHandlers(): void {
    const out = this.#out;
    out.block(
      `class ${this.#handlers}(Protocol):`,
      () => {
        out.add(
          '"""What a server runs: an object with a handler for each method. mmfbus_service says what handlers may be."""',
        );
        for (const { handler, input, of, output } of this.#methods) {
          const value = input === undefined ? 'None' : inputOf(input, of, 'mmfbus_service.Items');
          const given = output?.annotation ?? 'None';
          const result = of.output.kind === 'stream' ? `Iterable[${given}]` : given;
          out.add('');
          out.add(
            `def ${handler}(self, input: ${value}, context: mmfbus_service.Context, /) -> ${result}: ...`,
          );
        }
      },
      '',
    );
    out.add('', '');
  }

  #writeServe(): void {
    const out = this.#out;
    out.block(
      `def serve(handlers: ${this.#handlers}, service: str = SERVICE, **options: Any) -> mmfbus_service.Server:`,
      () => {
        out.add(
          '"""A server of the service. The options are those of mmfbus_service.Server; a missing handler is INVALID_HANDLERS."""',
        );
        out.block(
          'found = {',
          () => {
            for (const { handler, name } of this.#methods)
              out.add(`${literal(name)}: getattr(handlers, ${literal(handler)}, None),`);
          },
          '}',
        );
        out.add('return mmfbus_service.Server(service, CONTRACT, found, values=_VALUES, **options)');
      },
      '',
    );
  }
}

/** How the type of an input is written, where a stream is that. */
function inputOf(input: PythonValue, of: ContractMethod, stream: string): string {
  return of.input.kind === 'stream' ? `${stream}[${input.annotation}]` : input.annotation;
}
