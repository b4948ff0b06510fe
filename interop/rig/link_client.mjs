// A signaling client without a WebSocket: it speaks in requests, and is told in a stream of events
// or in the answers to polls.

import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { createInterface } from 'node:readline';

import { Correspondent } from './correspondent.mjs';

export class LinkClient extends Correspondent {
  #url;
  #by;
  #ca;
  #secret;
  /** The requests before: their order is that of the frames. */
  #said = Promise.resolve();

  /** `by` is `events` or `poll`; `ca` vouches for a server at an https URL. */
  constructor(url, by, { ca } = {}) {
    super();
    this.#url = url;
    this.#by = by;
    this.#ca = ca;
    this.closed = new Promise((resolve) => (this.end = resolve));
  }

  /** Sends an object as JSON; the first one opens the connection. */
  send(frame) {
    this.#said = this.#said.then(() => this.#say(JSON.stringify(frame))).catch(() => this.#lost());
  }

  async #say(text) {
    if (this.#secret) return void (await this.#post('messages', text));
    const { connection, ticket } = await this.#post('connect', text);
    this.#secret = connection;
    const reading = this.#by === 'events' ? this.#stream(ticket) : this.#poll();
    reading.catch(() => this.#lost());
  }

  async #stream(ticket) {
    const answer = await this.#ask('GET', `events?ticket=${ticket}`);
    let isClose = false;
    for await (const line of createInterface({ input: answer })) {
      isClose ||= line === 'event: close';
      if (!line.startsWith('data: ')) continue;
      const told = JSON.parse(line.slice('data: '.length));
      if (isClose) return this.end(told);
      this.frames.push(told);
    }
    this.#lost();
  }

  async #poll() {
    for (;;) {
      const { frames, close } = await this.#post('poll', '');
      this.frames.push(...frames);
      if (close) return this.end(close);
    }
  }

  #lost() {
    this.end({ code: 1006, reason: '' });
  }

  async #post(name, body) {
    const answer = await this.#ask('POST', name, body);
    let text = '';
    for await (const part of answer) text += part;
    if (answer.statusCode >= 400) throw new Error(`${name}: ${answer.statusCode} ${text}`);
    return text && JSON.parse(text);
  }

  #ask(method, name, body = '') {
    const send = this.#url.startsWith('https') ? secure : plain;
    const headers = { 'content-length': Buffer.byteLength(body) };
    if (this.#secret) headers.authorization = `Bearer ${this.#secret}`;
    const options = { method, headers, ca: this.#ca, agent: false };
    return new Promise((resolve, reject) => {
      send(`${this.#url}/v1/${name}`, options, resolve).on('error', reject).end(body);
    });
  }
}
