// A TURN client that does what a test says, right or wrong.

import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

import { bytesOf } from './addresses.mjs';
import { PATIENCE_MS, within } from './deadline.mjs';
import {
  ATTRIBUTE,
  METHOD,
  decode,
  encode,
  longTermKey,
  readXorAddress,
  uint32,
  xorAddress,
} from './stun.mjs';

const UDP = Buffer.from([17, 0, 0, 0]);
const FAMILY = { 4: Buffer.from([1, 0, 0, 0]), 6: Buffer.from([2, 0, 0, 0]) };

export class TurnClient {
  static async open(port, user = {}, address = '127.0.0.1') {
    const client = new TurnClient();
    client.server = { port, address };
    client.user = user;
    client.waiting = new Map();
    client.unexpected = [];
    client.socket = createSocket(isIPv4(address) ? 'udp4' : 'udp6');
    client.socket.on('message', (bytes) => client.receive(bytes));
    client.socket.connect(port, address);
    await once(client.socket, 'connect');
    return client;
  }

  receive(bytes) {
    const id = bytes.subarray(8, 20).toString('hex');
    const answered = this.waiting.get(id);
    this.waiting.delete(id);
    if (answered) answered(decode(bytes));
    else this.unexpected.push(bytes);
  }

  send(bytes) {
    this.socket.send(bytes);
  }

  /** Sends a request and gives back its response. */
  async ask(bytes) {
    const id = bytes.subarray(8, 20).toString('hex');
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send(bytes);
    return within(PATIENCE_MS, 'response', answer);
  }

  /** A Binding request: when its answer is there, everything sent before has been looked at. */
  async binding() {
    return this.ask(encode({ method: METHOD.BINDING }));
  }

  /** Asks without credentials, to be told realm and nonce. */
  async challenge() {
    const attributes = [[ATTRIBUTE.REQUESTED_TRANSPORT, UDP]];
    const response = await this.ask(encode({ method: METHOD.ALLOCATE, attributes }));
    this.realm ??= response.attributes.get(ATTRIBUTE.REALM)?.toString();
    this.nonce = response.attributes.get(ATTRIBUTE.NONCE)?.toString();
    return response;
  }

  /** A request with long-term credentials, where `other` says otherwise with those. */
  async request(method, attributes, other = {}) {
    if (!this.nonce) await this.challenge();
    const { username, password, realm, nonce } = { ...this, ...this.user, ...other };
    const credentials = [
      [ATTRIBUTE.USERNAME, username],
      [ATTRIBUTE.REALM, realm],
      [ATTRIBUTE.NONCE, nonce],
    ];
    const id = other.id ?? randomBytes(12);
    const key = longTermKey(username, realm, password);
    return this.ask(encode({ method, id, attributes: [...attributes, ...credentials], key }));
  }

  /** Allocates; `family` 4 or 6 asks for one (RFC 8656 §18.8). */
  async allocate({ family, ...other } = {}) {
    const attributes = [[ATTRIBUTE.REQUESTED_TRANSPORT, UDP]];
    if (family) attributes.push([ATTRIBUTE.REQUESTED_ADDRESS_FAMILY, FAMILY[family]]);
    const response = await this.request(METHOD.ALLOCATE, attributes, other);
    const relayed = response.attributes.get(ATTRIBUTE.XOR_RELAYED_ADDRESS);
    if (relayed) this.relayed = readXorAddress(relayed, response.id);
    return response;
  }

  async createPermission(peer) {
    const id = randomBytes(12);
    const address = xorAddress(bytesOf(peer), 0, id);
    return this.request(METHOD.CREATE_PERMISSION, [[ATTRIBUTE.XOR_PEER_ADDRESS, address]], { id });
  }

  async channelBind(number, peer, port) {
    const id = randomBytes(12);
    const attributes = [
      [ATTRIBUTE.CHANNEL_NUMBER, uint32(number << 16)],
      [ATTRIBUTE.XOR_PEER_ADDRESS, xorAddress(bytesOf(peer), port, id)],
    ];
    return this.request(METHOD.CHANNEL_BIND, attributes, { id });
  }

  /** A Send indication: nothing comes back. */
  sendTo(peer, port, data) {
    const id = randomBytes(12);
    const attributes = [
      [ATTRIBUTE.XOR_PEER_ADDRESS, xorAddress(bytesOf(peer), port, id)],
      [ATTRIBUTE.DATA, data],
    ];
    this.send(encode({ method: METHOD.SEND, cls: 1, id, attributes }));
  }

  /** Ends the allocation, so that it counts against nobody. */
  async release() {
    return this.request(METHOD.REFRESH, [[ATTRIBUTE.LIFETIME, uint32(0)]]);
  }

  close() {
    this.socket.close();
  }
}
