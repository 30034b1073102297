import type { Contract, ContractMethod, ContractPart } from '../contract.js';
import { Names, snakeCase, upperCase, wordsOf } from '../names.js';
import { SourceText } from '../source-text.js';
import { targetOfPart } from '../target.js';
import { CValue, textLines } from './generate-c.js';
import { literal, RESERVED } from './words.js';

/** A header for C and C++: the types of a service, functions that call its methods, and what a server answers with. */
export function generateCService(contract: Contract, name: string): string {
  return new CService(contract, wordsOf(name, 'service')).text;
}

/** An error that a method declares. */
interface CError {
  readonly code: string;
  readonly constant: string;
  /** What its function is called. */
  readonly answer: string;
  /** Its data; undefined without any. */
  readonly value: CValue | undefined;
}

/** A method, with the names that it has in C. */
interface CMethod {
  readonly name: string;
  readonly of: ContractMethod;
  /** What its functions begin with. */
  readonly prefix: string;
  /** Its handler among the others. */
  readonly member: string;
  /** What becomes of its calls later, as a handler; undefined where it has no stream. */
  readonly progress: string | undefined;
  readonly input: CValue | undefined;
  readonly output: CValue | undefined;
  readonly errors: readonly CError[];
}

/** The parameters that each function has that writes a value: memory for its bytes, and what was wrong. */
const SCRATCH = 'mmfbus_arena *arena, mmfbus_problem *problem';

class CService {
  readonly #out = new SourceText();
  readonly #names = new Names(RESERVED);
  readonly #constants = new Names();
  readonly #words: readonly string[];
  readonly #prefix: string;
  readonly #upper: string;
  readonly #methods: readonly CMethod[];

  constructor(contract: Contract, words: readonly string[]) {
    this.#words = words;
    this.#prefix = this.#names.take(snakeCase(words));
    this.#upper = upperCase(words);
    for (const name of ['handlers', 'describe', 'server_open']) this.#names.take(`${this.#prefix}_${name}`);
    for (const name of ['H', 'SERVICE', 'CONTRACT']) this.#constants.take(`${this.#upper}_${name}`);
    const members = new Names(RESERVED, ['context']);
    this.#methods = [...contract.methods].map(([name, method]) => this.#method(name, method, members));
    this.#write(contract);
  }

  get text(): string {
    return this.#out.toString();
  }

  #method(name: string, method: ContractMethod, members: Names): CMethod {
    const words = [...this.#words, ...wordsOf(name, 'method')];
    const isStreaming = method.input.kind === 'stream' || method.output.kind === 'stream';
    const prefix = this.#names.take(snakeCase(words));
    const member = members.take(snakeCase(wordsOf(name, 'method')));
    return {
      name,
      of: method,
      prefix,
      member,
      progress: isStreaming ? members.take(`${member}_progress`) : undefined,
      input: this.#value(prefix, method.input.kind === 'stream' ? 'in' : 'input', method.input),
      output: this.#value(prefix, method.output.kind === 'stream' ? 'item' : 'output', method.output),
      errors: [...method.errors].map(([code, part]) => ({
        code,
        constant: this.#constants.take(upperCase([...words, ...wordsOf(code, 'error')])),
        answer: this.#names.take(`${prefix}_answer_${snakeCase(wordsOf(code, 'error'))}`),
        value: this.#value(prefix, `error_${snakeCase(wordsOf(code, 'error'))}`, part),
      })),
    };
  }

  #value(prefix: string, what: string, { shape }: ContractPart): CValue | undefined {
    if (shape === undefined) return undefined;
    // A method may be called what a part of another one is.
    const name = this.#names.take(`${prefix}_${what}`);
    return new CValue(targetOfPart(shape, name.split('_')));
  }

  #write({ name, text }: Contract): void {
    const out = this.#out;
    const upper = this.#upper;
    out.add(
      '/* Written by mmfbus-generate from the contract of a service. Do not edit: generate it again. */',
      `#ifndef ${upper}_H`,
      `#define ${upper}_H`,
      '',
      '#include "mmfbus_service.h"',
      '#include "mmfbus_shape.h"',
      '',
      '#ifdef __cplusplus',
      'extern "C" {',
      '#endif',
      '',
      '/* The name of the service, and its contract. */',
      `#define ${upper}_SERVICE ${literal(name)}`,
      `#define ${upper}_CONTRACT \\`,
      ...textLines(text),
      '',
    );
    for (const method of this.#methods) this.#writeMethod(method);
    this.#writeServer();
    out.add('#ifdef __cplusplus', '}', '#endif', '', '#endif');
  }

  #writeMethod(method: CMethod): void {
    const { errors, input, output } = method;
    this.#out.add(`/* -- ${method.name} */`, '');
    for (const value of [input, output, ...errors.map((error) => error.value)]) {
      value?.define(this.#out);
      value?.defineFunctions(this.#out);
    }
    if (method.of.isOneWay) this.#writeOneWay(method);
    else if (method.progress === undefined) this.#writeCall(method);
    else this.#writeStreaming(method);
    this.#writeInput(method);
    if (!method.of.isOneWay) this.#writeAnswers(method);
  }

  /** A function that first writes a value into the arena, where there is one. */
  #encoding(
    first: string,
    value: CValue | undefined,
    variable: string,
    send: (bytes: string) => readonly string[],
  ): void {
    const out = this.#out;
    out.block(first, () => {
      if (value === undefined) {
        out.add('(void)arena;', '(void)problem;', ...send('NULL, 0'));
        return;
      }
      out.add(
        'mmfbus_mp_writer writer = mmfbus_mp_write_to((uint8_t *)arena->memory + arena->used, arena->size - arena->used);',
        `mmfbus_status status = ${value.prefix}_encode(&writer, ${variable}, problem);`,
        'if (status == MMFBUS_TOO_LARGE) return MMFBUS_NO_MEMORY;',
        'if (status != MMFBUS_OK) return status;',
        ...send('writer.data, writer.length'),
      );
    });
    out.add('');
  }

  #writeCall({ input, name, of, output, prefix }: CMethod): void {
    const parameters = [
      'mmfbus_client *client',
      ...(input === undefined ? [] : [`const ${input.declaration} *input`]),
      ...(output === undefined ? [] : [`${output.declaration} *output`]),
      'uint32_t timeout',
      SCRATCH,
      'mmfbus_answer *answer',
    ];
    this.#out.add(
      `/* Calls \`${name}\`${of.isIdempotent ? ', which may run twice' : ''}. The arena has room for the bytes of its values, and for the items of the answer. */`,
    );
    this.#encoding(
      `static inline mmfbus_status ${prefix}(${parameters.join(', ')}) {`,
      input,
      'input',
      (bytes) => {
        const call = `mmfbus_call(client, ${literal(name)}, ${bytes}, timeout, answer)`;
        if (output === undefined) return [`return ${call};`];
        return [
          `${input === undefined ? 'mmfbus_status ' : ''}status = ${call};`,
          'if (status != MMFBUS_OK) return status;',
          `return ${output.prefix}_decode(output, answer->data, answer->length, arena, problem);`,
        ];
      },
    );
  }

  #writeOneWay({ input, name, prefix }: CMethod): void {
    const value = input === undefined ? '' : `const ${input.declaration} *input, `;
    this.#out.add(`/* Calls \`${name}\`, which no server answers. */`);
    this.#encoding(
      `static inline mmfbus_status ${prefix}(mmfbus_client *client, ${value}uint32_t timeout, ${SCRATCH}) {`,
      input,
      'input',
      (bytes) => [`return mmfbus_call_one_way(client, ${literal(name)}, ${bytes}, timeout);`],
    );
  }

  #writeStreaming({ input, name, of, output, prefix }: CMethod): void {
    const takesStream = of.input.kind === 'stream';
    const value = input === undefined || takesStream ? '' : `const ${input.declaration} *input, `;
    const read = output === undefined ? '' : `; ${output.prefix}_decode() reads them`;
    this.#out.add(`/* Begins a call of \`${name}\`. mmfbus_call_next() gives its answers${read}. */`);
    this.#encoding(
      `static inline mmfbus_status ${prefix}_begin(mmfbus_client *client, ${value}uint32_t timeout, void *context, uint64_t *call, ${SCRATCH}) {`,
      takesStream ? undefined : input,
      'input',
      (bytes) => [`return mmfbus_call_begin(client, ${literal(name)}, ${bytes}, timeout, context, call);`],
    );
    if (!takesStream || input === undefined) return;
    this.#out.add('/* The next item of its input; mmfbus_call_end() ends that. */');
    this.#encoding(
      `static inline mmfbus_status ${prefix}_send(mmfbus_client *client, uint64_t call, const ${input.declaration} *item, uint32_t timeout, ${SCRATCH}) {`,
      input,
      'item',
      (bytes) => [`return mmfbus_call_send(client, call, ${bytes}, timeout);`],
    );
  }

  /** For handlers: what was asked. */
  #writeInput({ input, of, prefix }: CMethod): void {
    if (input === undefined || of.input.kind === 'stream') return;
    const out = this.#out;
    out.add(
      '/* The input of a request; one that does not fit is answered as refused, and false is returned. */',
    );
    out.block(
      `static inline bool ${prefix}_take(mmfbus_request *request, ${input.declaration} *input, mmfbus_arena *arena) {`,
      () => {
        out.add(
          'mmfbus_problem problem;',
          'size_t length;',
          'const void *data = mmfbus_request_input(request, &length);',
          `mmfbus_status status = ${input.prefix}_decode(input, data, length, arena, &problem);`,
          'if (status == MMFBUS_OK) return true;',
          'mmfbus_answer_refused(request, status == MMFBUS_UNDECODABLE ? problem.text : mmfbus_text(status));',
          'return false;',
        );
      },
    );
    out.add('');
  }

  #writeAnswers({ errors, of, output, prefix }: CMethod): void {
    const out = this.#out;
    if (output !== undefined && of.output.kind === 'stream') {
      out.add('/* An item of the answer; mmfbus_answer_end() ends the stream. */');
      this.#encoding(
        `static inline mmfbus_status ${prefix}_answer_item(mmfbus_request *request, const ${output.declaration} *item, uint32_t timeout, ${SCRATCH}) {`,
        output,
        'item',
        (bytes) => [`return mmfbus_answer_item(request, ${bytes}, timeout);`],
      );
    } else if (output !== undefined) {
      out.add('/* The answer. A value that does not fit is not answered. */');
      this.#encoding(
        `static inline mmfbus_status ${prefix}_answer(mmfbus_request *request, const ${output.declaration} *output, ${SCRATCH}) {`,
        output,
        'output',
        (bytes) => [`return mmfbus_answer_value(request, ${bytes});`],
      );
    }
    for (const { answer, code, constant, value } of errors) {
      out.add(
        '/* An error: its code, in answers as `name`, and its answer. */',
        `#define ${constant} ${literal(code)}`,
      );
      const data = value === undefined ? '' : `, const ${value.declaration} *data`;
      this.#encoding(
        `static inline mmfbus_status ${answer}(mmfbus_request *request${data}, ${SCRATCH}) {`,
        value,
        'data',
        (bytes) => [`return mmfbus_answer_error(request, ${constant}, ${bytes});`],
      );
    }
  }

  #writeServer(): void {
    const out = this.#out;
    const type = `${this.#prefix}_handlers`;
    out.add('/* What a server runs for each method; each gets `context`. */');
    out.block(
      `typedef struct ${type} {`,
      () => {
        for (const { member, progress } of this.#methods) {
          for (const name of progress === undefined ? [member] : [member, progress])
            out.add(`void (*${name})(mmfbus_request *request, void *context);`);
        }
        out.add('void *context;');
      },
      `} ${type};`,
    );
    out.add('', '/* Has a client call this service. */');
    out.block(`static inline void ${this.#prefix}_describe(mmfbus_client_options *options) {`, () => {
      out.add(`options->service = ${this.#upper}_SERVICE;`, `options->contract = ${this.#upper}_CONTRACT;`);
    });
    out.add(
      '',
      '/* Serves it, with these options besides: `service` only where it has another name. A missing handler is MMFBUS_INVALID_ARGUMENT. */',
    );
    out.add(
      `static inline mmfbus_status ${this.#prefix}_server_open(mmfbus_server **server, const mmfbus_server_options *options,`,
    );
    out.block(`    const ${type} *handlers) {`, () => {
      const count = this.#methods.length;
      out.add(
        'mmfbus_server_options all = *options;',
        `mmfbus_handler table[${Math.max(1, count)}];`,
        'memset(table, 0, sizeof table);',
      );
      for (const [index, { member, name, progress }] of this.#methods.entries()) {
        out.add(
          `table[${index}].method = ${literal(name)};`,
          `table[${index}].begin = handlers->${member};`,
          ...(progress === undefined ? [] : [`table[${index}].progress = handlers->${progress};`]),
          `table[${index}].context = handlers->context;`,
        );
      }
      out.add(
        `if (all.service == NULL) all.service = ${this.#upper}_SERVICE;`,
        `all.contract = ${this.#upper}_CONTRACT;`,
        'all.handlers = table;',
        `all.handler_count = ${count};`,
        'return mmfbus_server_open(server, &all);',
      );
    });
    out.add('');
  }
}
