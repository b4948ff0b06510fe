// A signaling client that says what a test says, right or wrong.

import WebSocket from 'ws';

import { Correspondent } from './correspondent.mjs';
import { PATIENCE_MS, within } from './deadline.mjs';

export class SignalingClient extends Correspondent {
  /** Opens /v1/ws at an http(s) URL; `options` go to the WebSocket (`origin`, `headers`). */
  static async open(url, options = {}) {
    const client = new SignalingClient(url, options);
    await within(PATIENCE_MS, 'WebSocket', client.opened);
    return client;
  }

  /** The HTTP status and body with which the handshake is refused. */
  static async refused(url, options = {}) {
    const client = new SignalingClient(url, options);
    return within(
      PATIENCE_MS,
      'refusal',
      new Promise((resolve, reject) => {
        client.opened.then(() => reject(new Error('it was let in')), () => {});
        client.socket.on('unexpected-response', async (_, response) => {
          let body = '';
          for await (const chunk of response) body += chunk;
          resolve({ status: response.statusCode, body });
        });
      }),
    );
  }

  constructor(url, options) {
    super();
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/ws`, options);
    this.socket.on('message', (data) => this.frames.push(JSON.parse(data)));
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Sends an object as JSON, or text and bytes as they are. */
  send(frame) {
    const raw = typeof frame === 'string' || Buffer.isBuffer(frame);
    this.socket.send(raw ? frame : JSON.stringify(frame));
  }

  /** Sends what has no readable id and gives back the error. */
  async refusal(frame) {
    this.send(frame);
    return this.frame('refused', ({ type }) => type === 'error');
  }

  async end() {
    return within(PATIENCE_MS, 'close', this.closed);
  }

  close() {
    this.socket.close();
  }
}
