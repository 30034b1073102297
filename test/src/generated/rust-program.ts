import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { codeOf, type Sample } from './samples.js';

const runtime = join(workspaceRoot, 'packages', 'native', 'rust', 'mmfbus_msgpack.rs');
const folder = join(workspaceRoot, 'test', '.cache', 'generate');

function source(samples: readonly Sample[]): string {
  const modules = samples.map((sample) => `mod ${sample.name} {\n${codeOf(sample, 'rust')}}\n`);
  const arms = samples.map(
    ({ name }, index) => `${index} => ${name}::decode(data).map(|value| ${name}::encode(&value).unwrap()),`,
  );
  return `mod mmfbus_msgpack {\n${readFileSync(runtime, 'utf8')}}\n${modules.join('\n')}
use std::io::{BufRead, Write};

fn echo(index: usize, data: &[u8]) -> mmfbus_msgpack::Result<Vec<u8>> {
    match index {
        ${arms.join('\n        ')}
        _ => unreachable!(),
    }
}

fn main() {
    let input = std::io::stdin();
    let output = std::io::stdout();
    let mut output = std::io::BufWriter::new(output.lock());
    for line in input.lock().lines() {
        let line = line.unwrap();
        let (index, digits) = line.split_once(' ').unwrap();
        let data: Vec<u8> =
            (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
        match echo(index.parse().unwrap(), &data) {
            Ok(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{:02x}", byte)).collect();
                writeln!(output, "ok {}", digits).unwrap();
            }
            Err(error) => writeln!(output, "no {}", error.to_string().escape_debug()).unwrap(),
        }
    }
}
`;
}

/** Compiles a program that reads and writes what each of the samples has; any warning is an error. */
export function rustProgram(name: string, samples: readonly Sample[]): string {
  const compiler = commandOf('a Rust compiler');
  const text = source(samples);
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  const hash = createHash('sha256').update(version).update(text).digest('hex').slice(0, 16);
  const program = join(folder, `${hash}-${name}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const file = `${program}.rs`;
  writeFileSync(file, text);
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync(
    compiler,
    ['--edition', '2021', '-D', 'warnings', '-C', 'debug-assertions=on', file, '-o', unfinished],
    { encoding: 'utf8', maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`${compiler} ended with status ${status}:\n${stderr.slice(0, 8_000)}`);
  renameSync(unfinished, program);
  return program;
}
