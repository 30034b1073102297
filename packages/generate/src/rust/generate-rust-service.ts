import type { Contract, ContractMethod, ContractPart } from '../contract.js';
import { Names, pascalCase, snakeCase, wordsOf } from '../names.js';
import { SourceText } from '../source-text.js';
import { targetOfPart } from '../target.js';
import { ATTRIBUTES, addValue, IMPORT } from './generate-rust.js';
import { literal, RESERVED, RESERVED_TYPES } from './words.js';

/** A module for Rust: the types of a service, a client with a function for each method, and its handlers. */
export function generateRustService(contract: Contract): string {
  return new RustService(contract).text;
}

/** An error that a method declares. */
interface RustError {
  readonly code: string;
  readonly variant: string;
  /** Its data; undefined without any. */
  readonly value: RustValue | undefined;
}

/** A value of a method: the module that has its types, and what it is called there. */
interface RustValue {
  readonly module: string;
  readonly type: string;
}

/** A method, with the names that it has in Rust. */
interface RustMethod {
  readonly name: string;
  readonly of: ContractMethod;
  readonly module: string;
  readonly input: RustValue | undefined;
  readonly output: RustValue | undefined;
  readonly errors: readonly RustError[];
}

class RustService {
  readonly #out = new SourceText();
  readonly #methods: RustMethod[] = [];

  constructor({ name, text, methods }: Contract) {
    const out = this.#out;
    out.add(
      '// Written by mmfbus-generate from the contract of a service. Do not edit: generate it again.',
      ...ATTRIBUTES,
      '',
      'use crate::mmfbus_service as service;',
      '',
      '/// The name of the service.',
      `pub const SERVICE: &str = ${literal(name)};`,
      '/// Its contract.',
      `pub const CONTRACT: &str = ${literal(text)};`,
      '',
    );
    const modules = new Names(RESERVED, ['service']);
    const members = new Names(RESERVED, ['default', 'new', 'open', 'open_as', 'serve', 'serve_as']);
    for (const [method, of] of methods) {
      // One name for the module of a method, and its functions.
      const module = modules.take(members.take(snakeCase(wordsOf(method, 'method'))));
      out.block(`pub mod ${module} {`, () => {
        this.#methods.push(this.#method(method, module, of));
      });
      out.add('');
    }
    this.#writeClient();
    this.#writeHandlers();
  }

  get text(): string {
    return this.#out.toString();
  }

  #method(name: string, module: string, of: ContractMethod): RustMethod {
    const out = this.#out;
    out.add('use crate::mmfbus_service as service;', '');
    const names = new Names(RESERVED, ['service']);
    const input = this.#value(names, 'input', of.input);
    const output = this.#value(names, 'output', of.output);
    const variants = new Names(RESERVED_TYPES);
    const errors = [...of.errors].map(([code, part]) => {
      const words = wordsOf(code, 'error');
      const value = this.#value(names, `error_${snakeCase(words)}`, part);
      return { code, variant: variants.take(pascalCase(words)), value };
    });
    if (errors.length > 0) this.#writeErrors(errors);
    const partOf = (value: RustValue | undefined) =>
      value === undefined ? 'service::Nothing' : `${value.module}::Part`;
    out.add('/// The method, for what is generic.', 'pub struct Method;', '');
    out.block('impl service::Signature for Method {', () => {
      out.add(
        `const NAME: &'static str = ${literal(name)};`,
        `type Input = ${partOf(input)};`,
        `type Output = ${partOf(output)};`,
        `type Error = ${errors.length === 0 ? 'service::NoErrors' : 'Error'};`,
      );
    });
    out.add(
      '',
      '/// A request that a handler answers, and a call that was begun.',
      'pub type Request = service::TypedRequest<Method>;',
      'pub type Call = service::TypedCall<Method>;',
    );
    return { name, of, module, input, output, errors };
  }

  /** A module with the types of a value, and how it is read and written. */
  #value(names: Names, wish: string, { shape }: ContractPart): RustValue | undefined {
    if (shape === undefined) return undefined;
    const out = this.#out;
    const module = names.take(wish);
    let type = '';
    out.block(`pub mod ${module} {`, () => {
      out.add(IMPORT, 'use crate::mmfbus_service as service;', '');
      type = addValue(out, targetOfPart(shape, module.split('_')));
      out.add('', '/// For what is generic.', 'pub struct Part;', '');
      out.block('impl service::Part for Part {', () => {
        out.add(`type Value = ${type};`);
        out.block(`fn encode(value: &${type}) -> Result<Vec<u8>, String> {`, () => {
          out.add('encode(value).map_err(|error| format!("{}", error))');
        });
        out.block(`fn decode(bytes: &[u8]) -> Result<${type}, String> {`, () => {
          out.add('decode(bytes).map_err(|error| format!("{}", error))');
        });
      });
    });
    out.add(`pub use self::${module}::${type};`, '');
    return { module, type };
  }

  #writeErrors(errors: readonly RustError[]): void {
    const out = this.#out;
    out.add('/// The errors that the method declares.', '#[derive(Debug, Clone, PartialEq)]');
    out.block('pub enum Error {', () => {
      for (const { variant, value } of errors)
        out.add(value === undefined ? `${variant},` : `${variant}(${value.module}::${value.type}),`);
    });
    out.add('');
    out.block('impl service::Errors for Error {', () => {
      out.block("fn encode(&self) -> Result<(&'static str, Vec<u8>), String> {", () => {
        out.block('match self {', () => {
          for (const { code, variant, value } of errors) {
            const code_ = literal(code);
            out.add(
              value === undefined
                ? `Error::${variant} => Ok((${code_}, Vec::new())),`
                : `Error::${variant}(data) => Ok((${code_}, <${value.module}::Part as service::Part>::encode(data)?)),`,
            );
          }
        });
      });
      out.add('');
      const data = errors.some(({ value }) => value !== undefined) ? 'data' : '_';
      out.block(`fn decode(code: &str, ${data}: &[u8]) -> Option<Result<Error, String>> {`, () => {
        out.block('match code {', () => {
          for (const { code, variant, value } of errors) {
            const read =
              value === undefined
                ? `Ok(Error::${variant})`
                : `<${value.module}::Part as service::Part>::decode(data).map(Error::${variant})`;
            out.add(`${literal(code)} => Some(${read}),`);
          }
          out.add('_ => None,');
        });
      });
    });
    out.add('');
  }

  #writeClient(): void {
    const out = this.#out;
    out.add('/// Calls the service.', 'pub struct Client(pub service::Client);', '');
    out.block('impl Client {', () => {
      out.add('/// Joins as a client, with these options besides.');
      out.block(
        "pub fn open(options: &service::ClientOptions<'_>) -> Result<Client, service::OpenError> {",
        () => {
          out.add('Client::open_as(SERVICE, options)');
        },
      );
      out.add('', '/// The same for a service of another name.');
      out.block(
        "pub fn open_as(name: &str, options: &service::ClientOptions<'_>) -> Result<Client, service::OpenError> {",
        () => {
          out.add(
            'let options = service::ClientOptions { contract: CONTRACT, ..*options };',
            'service::Client::open(name, &options).map(Client)',
          );
        },
      );
      for (const method of this.#methods) this.#writeCall(method);
    });
    out.add('');
  }

  #writeCall({ name, of, module, input, output }: RustMethod): void {
    const out = this.#out;
    const takesStream = of.input.kind === 'stream';
    const parameter = input === undefined || takesStream ? '' : `input: &${module}::${input.type}, `;
    const argument = input === undefined ? '&()' : 'input';
    const first = (result: string) =>
      `pub fn ${module}(&self, ${parameter}timeout: service::Timeout) -> Result<${result}, service::TypedError<${errorOf(module, of)}>> {`;
    out.add('');
    if (takesStream || of.output.kind === 'stream') {
      const value = takesStream ? 'None' : `Some(${argument})`;
      out.add(`/// Begins a call of \`${name}\`.`);
      out.block(first(`${module}::Call`), () => out.add(`self.0.begin_typed(${value}, timeout)`));
      return;
    }
    const call = of.isOneWay ? 'call_one_way_typed' : 'call_typed';
    const what = of.isOneWay ? ', which no server answers' : of.isIdempotent ? ', which may run twice' : '';
    const result = of.isOneWay || output === undefined ? '()' : `${module}::${output.type}`;
    out.add(`/// Calls \`${name}\`${what}.`);
    out.block(first(result), () => out.add(`self.0.${call}::<${module}::Method>(${argument}, timeout)`));
  }

  #writeHandlers(): void {
    const out = this.#out;
    out.add(
      '/// What a server runs for each method.',
      '#[derive(Default)]',
      'pub struct Handlers(pub service::Handlers);',
      '',
    );
    out.block('impl Handlers {', () => {
      out.block('pub fn new() -> Handlers {', () => out.add('Handlers::default()'));
      for (const { name, of, module, input } of this.#methods) {
        const takesInput = of.input.kind !== 'stream';
        const type = input === undefined ? '()' : `${module}::${input.type}`;
        const parameters = takesInput ? `${type}, ${module}::Request` : `${module}::Request`;
        out.add('', `/// For \`${name}\`.`);
        out.block(
          `pub fn ${module}(self, handler: impl Fn(${parameters}) + Send + Sync + 'static) -> Handlers {`,
          () => {
            const on = takesInput ? 'on_typed' : 'on_stream';
            out.add(`Handlers(self.0.${on}::<${module}::Method>(handler))`);
          },
        );
      }
      out.add('', '/// Serves, with these options besides. Each method has a handler.');
      out.block(
        "pub fn serve(self, options: &service::ServerOptions<'_>) -> Result<service::Server, service::OpenError> {",
        () => out.add('self.serve_as(SERVICE, options)'),
      );
      out.add('', '/// The same for a service of another name.');
      out.block(
        "pub fn serve_as(self, name: &str, options: &service::ServerOptions<'_>) -> Result<service::Server, service::OpenError> {",
        () => {
          out.add(
            'let options = service::ServerOptions { contract: CONTRACT, ..*options };',
            'service::Server::open(name, &options, self.0)',
          );
        },
      );
    });
  }
}

function errorOf(module: string, of: ContractMethod): string {
  return of.errors.size === 0 ? 'service::NoErrors' : `${module}::Error`;
}
