import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Installation } from './install.js';

const run = promisify(execFile);

/** Milliseconds in which what was just opened comes to rest. */
const SETTLING = 500;

/** Runs a program of that code in the folder, from a file as programs are: `--eval` takes another way through Node. */
async function runCode(code: string, { folder }: Installation, node: string): Promise<string> {
  const program = join(folder, 'program.js');
  writeFileSync(program, code);
  const { stdout } = await run(node, [program], {
    cwd: folder,
    env: { ...process.env, FOOTPRINT_FOLDER: folder },
  });
  return stdout;
}

/** Milliseconds from the start to the end of a process that imports the package. */
export async function importTime(installation: Installation, node: string): Promise<number> {
  const start = performance.now();
  await runCode(installation.subject.imports, installation, node);
  return performance.now() - start;
}

/** Bytes of resident memory of a process in which the package is idle. */
export async function residentMemory(installation: Installation, node: string): Promise<number> {
  const { imports, idles } = installation.subject;
  const report = `setTimeout(() => {
    console.log(process.memoryUsage.rss());
    process.exit();
  }, ${SETTLING});`;
  return Number(await runCode(`${imports}\n${idles}\n${report}`, installation, node));
}
