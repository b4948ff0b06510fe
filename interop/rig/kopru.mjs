// The server under test: the real binary, started with a real configuration file.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PATIENCE_MS, until } from './deadline.mjs';
import { freePorts } from './ports.mjs';
import { Program } from './program.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** KOPRU_BIN, or what `cargo build` left. */
export const BINARY = process.env.KOPRU_BIN ?? built();

function built() {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const binary = join(target, 'debug', 'kopru');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build --bin kopru`);
  return binary;
}

/** Runs one of kopru's commands to its end. */
export async function command(args, ms = PATIENCE_MS) {
  const program = new Program(BINARY, args);
  const code = await program.exit(ms);
  return { code, output: program.output, stdout: program.stdout };
}

/** A configuration file in a folder of its own. */
export function configFile(text) {
  const folder = mkdtempSync(join(tmpdir(), 'kopru-interop-'));
  const path = join(folder, 'kopru.toml');
  writeFileSync(path, text);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

const run = ({ path }) => new Program(BINARY, ['--config', path]);

export class Kopru {
  /** Starts a configured server. `toml` gets the ports it must use and gives back the file. */
  static async configured(toml, address = '127.0.0.1') {
    const [http, admin, turn, https] = await freePorts(4);
    const ports = { http, admin, turn, https };
    const file = configFile(toml(ports));
    const kopru = new Kopru(run(file), ports);
    kopru.file = file;
    return kopru.ready(`http://${address}:${http}`);
  }

  /** Starts it without a file: `kopru`, perhaps with `--lan` or addresses to listen at. */
  static async development(...args) {
    const kopru = new Kopru(new Program(BINARY, args), {});
    if (args.includes('--lan')) return kopru.said(/https:\/\/\S+/);
    const http = args[args.indexOf('--http') + 1];
    return kopru.ready(args.includes('--http') ? `http://${http}` : 'http://localhost:8080');
  }

  constructor(program, ports) {
    this.ports = ports;
    this.runs(program);
  }

  runs(program) {
    this.program = program;
    this.pid = program.child.pid;
  }

  /** Ends a configured server at once, to begin again. */
  async halt() {
    await this.program.stop('SIGKILL');
  }

  /** Begins again, with the same file and ports, where it was halted. */
  async begin() {
    this.runs(run(this.file));
    return this.ready(this.url);
  }

  async ready(url) {
    this.url = url;
    return this.started(async () => (await fetch(`${url}/readyz`)).ok);
  }

  async said(pattern) {
    return this.started(() => pattern.test(this.program.output));
  }

  async started(ask) {
    try {
      await until(PATIENCE_MS, 'ready', () => {
        if (!this.program.running) throw new Error('it ended');
        return ask();
      });
    } catch (error) {
      await this.stop();
      throw new Error(`${error.message}; kopru wrote:\n${this.program.output}`);
    }
    return this;
  }

  /** A link with which `subject` may join `room`, and relay or not, at the page of `url`. */
  async invitation(subject, room, url = this.url, relay = 'yes') {
    const args = ['token', '--config', this.file.path, '--subject', subject, '--room', room];
    args.push('--relay', relay);
    const { code, output, stdout } = await command([...args, '--link', '--url', url]);
    if (code !== 0) throw new Error(`kopru token: ${output}`);
    return stdout.trim();
  }

  /** Samples of /metrics: name with labels, as printed, to number. */
  async metrics() {
    const url = this.ports.admin ? `http://127.0.0.1:${this.ports.admin}` : this.url;
    const text = await (await fetch(`${url}/metrics`)).text();
    const samples = text.split('\n').filter((line) => line && !line.startsWith('#'));
    return new Map(samples.map((line) => line.split(/ (?=\S+$)/)).map(([k, v]) => [k, +v]));
  }

  async stop(signal) {
    const running = this.program.running;
    const code = running ? await this.program.stop(signal) : await this.program.closed;
    this.file?.remove();
    this.file = undefined;
    return code;
  }
}
