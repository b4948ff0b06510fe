// Child processes: their output kept, their ends awaited, stopped by their own pid.

import { spawn, spawnSync } from 'node:child_process';

import { PATIENCE_MS, within } from './deadline.mjs';

/** Where the first of the named programs is, or undefined. */
export function find(...names) {
  for (const name of names) {
    const found = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
    if (found.status === 0) return found.stdout.trim();
  }
  return undefined;
}

/** Why a test that needs these programs can't run, or `false` when it can. */
export function lacks(...names) {
  const absent = names.filter((name) => !find(name));
  return absent.length > 0 && `${absent.join(', ')} not installed here`;
}

export class Program {
  /** Everything it wrote to stdout and stderr, in the order it arrived. */
  output = '';

  constructor(command, args, options = {}) {
    this.name = command.split('/').pop();
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.stdout = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.output += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.output += text));
    this.child.stdin.on('error', () => {}); // it may end before it has read everything
    this.closed = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.output += `${error}\n`;
        resolve(-1);
      });
      this.child.on('close', (code) => resolve(code ?? -1));
    });
    this.running = true;
    this.closed.then(() => (this.running = false));
  }

  /** Its exit status; past the deadline it is killed, and that is an error. */
  async exit(ms) {
    try {
      return await within(ms, `end of ${this.name}`, this.closed);
    } catch (error) {
      this.child.kill('SIGKILL');
      // What it has started may go on, and hold its output open.
      for (const stream of [this.child.stdout, this.child.stderr]) stream.destroy();
      await this.closed;
      throw new Error(`${error.message}; it wrote:\n${this.output}`);
    }
  }

  /** Asks it to end and waits; its exit status. */
  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.exit(PATIENCE_MS);
  }
}
