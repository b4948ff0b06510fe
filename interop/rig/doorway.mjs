// Carries connections from one place to another, a port of 127.0.0.1 or the path of a socket: a
// path leads from one network namespace into another.
//
//     node doorway.mjs FROM TO

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Opens it; `close()` ends it. */
export async function carry(from, to) {
  const server = createServer((near) => {
    const far = connect(place(to));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  server.listen(place(from));
  await once(server, 'listening');
  return server;
}

function place(text) {
  return /^\d+$/.test(text) ? { host: '127.0.0.1', port: Number(text) } : { path: text };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await carry(process.argv[2], process.argv[3]);
  console.log('ready');
}
