// A member that only listens, in a process of its own, so that a test can stop it:
//
//     node listener.mjs URL TRANSPORT TOKEN [AUTHORITY]
//
// It says `ready` when it is in the lab. When it loses its connection it comes back, and says how.

import { readFileSync } from 'node:fs';

import { openLine } from './line.mjs';

const [url, transport, token, authority] = process.argv.slice(2);
const ca = authority && readFileSync(authority);

let line = await openLine(transport, url, { ca });
let welcome = await line.hello(token);
const joined = await line.ask({ type: 'join', room: 'lab' });
let ack = joined.seq;
console.log('ready');

for (;;) {
  const { code } = await line.closed;
  ack = line.frames.reduce((last, { seq }) => Math.max(last, seq ?? 0), ack);
  line = await openLine(transport, url, { ca });
  welcome = await line.hello(token, { resume: welcome.resume, ack });
  const { resumed, complete } = welcome;
  const told = complete || (await line.frame('a picture of the room', isPicture)).room === 'lab';
  console.log(JSON.stringify({ code, resumed, complete, told }));
}

function isPicture({ type, re }) {
  return type === 'joined' && re === undefined;
}
