// A STUN and TURN codec of the tests' own, written from RFC 8489 and RFC 8656 and from nothing in
// crates/: two readings of one text that agree are worth more than one.

import { createHash, createHmac, randomBytes } from 'node:crypto';

export const METHOD = {
  BINDING: 0x001,
  ALLOCATE: 0x003,
  REFRESH: 0x004,
  SEND: 0x006,
  DATA: 0x007,
  CREATE_PERMISSION: 0x008,
  CHANNEL_BIND: 0x009,
};

export const CLASS = { REQUEST: 0, INDICATION: 1, SUCCESS: 2, ERROR: 3 };

export const ATTRIBUTE = {
  MAPPED_ADDRESS: 0x0001,
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  UNKNOWN_ATTRIBUTES: 0x000a,
  CHANNEL_NUMBER: 0x000c,
  LIFETIME: 0x000d,
  XOR_PEER_ADDRESS: 0x0012,
  DATA: 0x0013,
  REALM: 0x0014,
  NONCE: 0x0015,
  XOR_RELAYED_ADDRESS: 0x0016,
  REQUESTED_ADDRESS_FAMILY: 0x0017,
  REQUESTED_TRANSPORT: 0x0019,
  XOR_MAPPED_ADDRESS: 0x0020,
  SOFTWARE: 0x8022,
  FINGERPRINT: 0x8028,
};

const MAGIC_COOKIE = 0x2112a442;

/** RFC 8489 §5: the class bits lie between those of the method. */
function messageType(method, cls) {
  const low = method & 0x00f;
  const middle = (method & 0x070) << 1;
  const high = (method & 0xf80) << 2;
  return high | middle | low | ((cls & 1) << 4) | ((cls & 2) << 7);
}

/**
 * A message in bytes. `attributes` is a list of [type, bytes]; `key` adds MESSAGE-INTEGRITY,
 * `fingerprint` FINGERPRINT.
 */
export function encode(message) {
  const { method, cls = CLASS.REQUEST, id = randomBytes(12), attributes = [] } = message;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(messageType(method, cls), 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  id.copy(header, 8);
  let bytes = Buffer.concat([header, ...attributes.map((each) => attribute(...each))]);
  if (message.key) {
    setLength(bytes, 24);
    const mac = createHmac('sha1', message.key).update(bytes).digest();
    bytes = Buffer.concat([bytes, attribute(ATTRIBUTE.MESSAGE_INTEGRITY, mac)]);
  }
  if (message.fingerprint) {
    setLength(bytes, 8);
    const crc = uint32((crc32(bytes) ^ 0x5354554e) >>> 0);
    bytes = Buffer.concat([bytes, attribute(ATTRIBUTE.FINGERPRINT, crc)]);
  }
  return setLength(bytes, 0);
}

/** Writes into the header how long the message is, `more` bytes to come included. */
function setLength(bytes, more) {
  bytes.writeUInt16BE(bytes.length - 20 + more, 2);
  return bytes;
}

function attribute(type, value) {
  const bytes = Buffer.from(value);
  const header = Buffer.alloc(4);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([header, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** A message from bytes; throws when they are none. */
export function decode(bytes) {
  const type = bytes.readUInt16BE(0);
  if (bytes.readUInt32BE(4) !== MAGIC_COOKIE) throw new Error('no magic cookie');
  if (bytes.readUInt16BE(2) !== bytes.length - 20) throw new Error('length and bytes differ');
  const attributes = new Map();
  for (let at = 20; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (value.length !== length) throw new Error('an attribute ends behind the message');
    if (!attributes.has(bytes.readUInt16BE(at))) attributes.set(bytes.readUInt16BE(at), value);
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return {
    method: (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80),
    cls: ((type >> 4) & 1) | ((type >> 7) & 2),
    id: bytes.subarray(8, 20),
    attributes,
    bytes,
  };
}

/** Whether the message carries a MESSAGE-INTEGRITY made with `key`. */
export function isIntact({ bytes }, key) {
  for (let at = 20; at + 4 <= bytes.length; at += 4 + ((bytes.readUInt16BE(at + 2) + 3) & ~3)) {
    if (bytes.readUInt16BE(at) !== ATTRIBUTE.MESSAGE_INTEGRITY) continue;
    const before = Buffer.from(bytes.subarray(0, at));
    before.writeUInt16BE(at - 20 + 24, 2);
    const mac = createHmac('sha1', key).update(before).digest();
    return mac.equals(bytes.subarray(at + 4, at + 24));
  }
  return false;
}

/** The number in ERROR-CODE, or undefined. */
export function errorCode({ attributes }) {
  const value = attributes.get(ATTRIBUTE.ERROR_CODE);
  return value && (value[2] & 7) * 100 + value[3];
}

/** RFC 8489 §9.2.2: the key of a user. */
export function longTermKey(username, realm, password) {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

/** An XOR-…-ADDRESS of `ip` (4 or 16 bytes) and port. */
export function xorAddress(ip, port, id) {
  const value = Buffer.alloc(4 + ip.length);
  value[1] = ip.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  const mask = addressMask(id);
  for (let i = 0; i < ip.length; i += 1) value[4 + i] = ip[i] ^ mask[i];
  return value;
}

/** The address in an XOR-…-ADDRESS: `{ ip, port }`, `ip` in bytes. */
export function readXorAddress(value, id) {
  const mask = addressMask(id);
  const ip = Buffer.from(value.subarray(4).map((byte, i) => byte ^ mask[i]));
  return { ip, port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16) };
}

function addressMask(id) {
  const cookie = Buffer.alloc(4);
  cookie.writeUInt32BE(MAGIC_COOKIE);
  return Buffer.concat([cookie, id]);
}

/** A number as 4 bytes. */
export function uint32(number) {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(number);
  return value;
}

/** CRC-32 of ISO 3309, bit by bit: speed is of no matter here. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
