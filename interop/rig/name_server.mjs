// RFC 1035 §4.1: a name server that knows one name. Everything else does not exist, said at once:
// where a query is swallowed, browsers stall ICE for more than 20 s.
//
//     node name_server.mjs NAME ADDRESS

import { createSocket } from 'node:dgram';

import { bytesOf } from './addresses.mjs';

const [name, address] = process.argv.slice(2);
const TYPE_A = 1;
const NAME_ERROR = 3;

//     0        2        4        6        8        10       12
//     ┌────────┬────────┬────────┬────────┬────────┬────────┬───────────────────┐
//     │ id     │ flags  │ asked  │answers │ 0      │ 0      │ name, type, class │
//     └────────┴────────┴────────┴────────┴────────┴────────┴───────────────────┘
function answer(query) {
  const { asked, end } = readName(query);
  const isKnown = asked.toLowerCase() === name;
  const record = isKnown && query.readUInt16BE(end) === TYPE_A ? addressRecord() : [];
  const head = Buffer.from(query.subarray(0, end + 4));
  head.writeUInt16BE(0x8180 | (isKnown ? 0 : NAME_ERROR), 2);
  head.writeUInt16BE(record.length > 0 ? 1 : 0, 6);
  head.fill(0, 8, 12);
  return Buffer.concat([head, Buffer.from(record)]);
}

function readName(query) {
  const labels = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  }
  return { asked: labels.join('.'), end: at + 1 };
}

/** The name of the question again, A, IN, 60 s, and the address. */
function addressRecord() {
  return [0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...bytesOf(address)];
}

const socket = createSocket('udp4', (query, from) => {
  socket.send(answer(query), from.port, from.address);
});
socket.bind(53, '127.0.0.1', () => console.log('ready'));
