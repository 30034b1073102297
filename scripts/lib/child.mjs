import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { root } from './workspace.mjs';

/** @typedef {'SIGINT' | 'SIGTERM' | 'SIGHUP'} EndSignal */

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] defaults to the folder of the repository.
 * @property {Record<string, string>} [env] added to the environment.
 * @property {boolean} [shell] whether a shell looks the program up.
 * @property {() => void} [onInterrupted] ends what the child may leave running when it is interrupted.
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** @type {EndSignal | undefined} */
let interruptedBy;

/** @param {EndSignal} signal */
function onSignal(signal) {
  interruptedBy = signal;
  // A terminal sends Ctrl-C to the children as well; told twice, some of them would skip their clean-up.
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  for (const child of running) child.kill(signal);
}

let listening = false;

function listen() {
  if (listening) return;
  listening = true;
  for (const signal of /** @type {EndSignal[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => onSignal(signal));
  }
}

/** The environment with the running Node first in the path, so that `#!/usr/bin/env node` finds the same one. */
function environment() {
  const pathKey = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [dirname(process.execPath), process.env[pathKey]].filter(Boolean).join(delimiter);
  return { ...process.env, [pathKey]: path };
}

/**
 * Runs a program with our own input and output, and waits for its end. When we are interrupted meanwhile, the child
 * ends first and then we do.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<number>} its exit status; 128 + the signal's number when a signal ended it, as shells say it.
 */
export function run(file, args, options = {}) {
  const { cwd = root, env = {}, shell = false, onInterrupted } = options;
  listen();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...environment(), ...env }, stdio: 'inherit', shell });
    running.add(child);
    child.once('error', (error) =>
      reject(new Error(`${file} could not be started: ${error.message}`, { cause: error })),
    );
    child.once('close', (status, signal) => {
      running.delete(child);
      if (interruptedBy !== undefined) {
        onInterrupted?.();
        process.exit(128 + constants.signals[interruptedBy]);
      }
      resolve(signal === null ? (status ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/**
 * Runs a JavaScript program under the Node that runs us.
 *
 * @param {string} script relative to the root of the repository.
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runNode(script, args, options = {}) {
  return run(process.execPath, [script, ...args], options);
}
