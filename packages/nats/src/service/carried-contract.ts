import { createHash } from 'node:crypto';
import { type Codec, raw } from '@mmfbus/codec';
import { contractOfText, type MethodContract, type MethodPart, type ServiceContract } from '@mmfbus/service';

/** Hexadecimal digits of the hash of a method. */
const HASH_DIGITS = 16;

const bytes = raw() as Codec<unknown>;

/** A contract as a bridge carries it: the same to servers and clients, and its values are the bytes that they are encoded in. */
export function carriedContract(contract: ServiceContract): ServiceContract {
  const methods = new Map([...contract.methods].map(([name, method]) => [name, carriedMethod(method)]));
  const byHash = new Map([...methods.values()].map((method) => [method.hash, method]));
  return { name: contract.name, text: contract.text, methods, byHash };
}

function carriedMethod(method: MethodContract): MethodContract {
  const errors = new Map([...method.errors].map(([code, data]) => [code, carriedPart(data)]));
  return { ...method, input: carriedPart(method.input), output: carriedPart(method.output), errors };
}

function carriedPart(part: MethodPart): MethodPart {
  const { kind, shape, isValidated } = part;
  return kind === 'none' ? part : { kind, shape, isValidated, codec: bytes };
}

/** The texts of the methods of a contract, each as it stands in the text of the contract, by their names. */
export function methodTexts({ text }: ServiceContract): ReadonlyMap<string, string> {
  const { methods } = JSON.parse(text) as { readonly methods: readonly (readonly [string, unknown])[] };
  return new Map(methods.map((method) => [method[0], JSON.stringify(method)]));
}

/** The contract whose methods have these texts. Throws what `contractOfText` throws. */
export function contractOfMethods(name: string, texts: readonly string[]): ServiceContract {
  return contractOfText(name, `{"version":1,"methods":[${texts.join(',')}]}`);
}

/** What a call says of its method: the first digits of the SHA-256 of its text. */
export function methodTag(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
}
