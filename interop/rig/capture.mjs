// What passes a network interface, read by Wireshark: a decoder that is not ours.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PATIENCE_MS, until } from './deadline.mjs';
import { Program } from './program.mjs';
import { METHOD, encode } from './stun.mjs';
import { TurnClient } from './turn_client.mjs';

export class Capture {
  /** Captures what goes to and comes from `port` of `address`, over UDP and TCP. */
  static async begin(port, { address = '127.0.0.1', link = 'lo' } = {}) {
    const capture = new Capture();
    capture.server = { port, address };
    capture.marks = [];
    capture.folder = mkdtempSync(join(tmpdir(), 'kopru-capture-'));
    capture.path = join(capture.folder, 'capture.pcapng');
    // It prints the transaction ids that it captures: when the mark's is there, so is all before.
    const print = ['-P', '-l', ...capture.decoding(), '-T', 'fields', '-e', 'stun.id'];
    const only = ['-f', `port ${port}`];
    capture.program = new Program('tshark', ['-i', link, '-w', capture.path, ...only, ...print]);
    try {
      await until(PATIENCE_MS, 'capturing', () => capture.mark());
    } catch (error) {
      await capture.remove();
      throw error;
    }
    return capture;
  }

  /** Sends one more Binding request; whether one and its answer have been captured by now. */
  async mark() {
    await this.sendMark();
    return this.isMarked();
  }

  isMarked() {
    return this.marks.some((mark) => this.program.stdout.split(mark).length > 2);
  }

  async sendMark() {
    const { port, address } = this.server;
    const client = await TurnClient.open(port, {}, address);
    const request = encode({ method: METHOD.BINDING });
    await client.ask(request);
    client.close();
    const id = request.toString('hex', 8, 20);
    this.marks.push(id);
  }

  decoding() {
    const decode = ['udp', 'tcp'].map((transport) => `${transport}.port==${this.server.port},stun`);
    return decode.flatMap((it) => ['-d', it]);
  }

  /** Ends it once everything up to now has been captured. */
  async end() {
    this.marks = [];
    // One alone: of a second one the answer might be missing.
    await this.sendMark();
    await until(PATIENCE_MS, 'captured', () => this.isMarked());
    await this.program.stop('SIGINT');
  }

  /** The packets that a display filter finds: for each the values of `fields`. */
  async find(filter, fields) {
    const print = ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const read = ['-2', '-r', this.path, ...this.decoding(), '-Y', filter, ...print];
    const program = new Program('tshark', read);
    if ((await program.exit(60_000)) !== 0) throw new Error(program.output);
    const lines = program.stdout.split('\n').filter(Boolean);
    return lines.map((line) => line.split('\t'));
  }

  async remove() {
    if (this.program.running) await this.program.stop('SIGKILL');
    rmSync(this.folder, { recursive: true });
  }
}
