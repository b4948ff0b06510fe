// IP addresses in bytes, and the ways to write an IPv4 address as an IPv6 one.

import { isIPv4 } from 'node:net';

/** The 4 or 16 bytes of an address in text. */
export function bytesOf(text) {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  const dotted = text.match(/\d+\.\d+\.\d+\.\d+$/)?.[0];
  const plain = dotted ? text.replace(dotted, hex(bytesOf(dotted))) : text;
  const [head, tail] = plain.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = tail ? Array(8 - head.length - tail.length).fill('0') : [];
  const groups = [...head, ...zeros, ...(tail ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Every IPv6 address that leads, somewhere, to the IPv4 address `text`; name to text. */
export function embeddings(text) {
  const v4 = bytesOf(text);
  const flipped = hex(v4.map((byte) => ~byte));
  return {
    'v4-mapped': `::ffff:${text}`,
    'v4-compatible': `::${text}`,
    '6to4': `2002:${hex(v4)}::1`,
    Teredo: `2001:0:c000:201:0:ffff:${flipped}`,
    NAT64: `64:ff9b::${text}`,
    'local NAT64': `64:ff9b:1::${text}`,
  };
}

function hex(v4) {
  const digits = Buffer.from(v4).toString('hex');
  return `${digits.slice(0, 4)}:${digits.slice(4)}`;
}
