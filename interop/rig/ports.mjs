// Ports that are free at the moment.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** `count` different UDP ports on which nothing listens, on IPv4 and IPv6. */
export async function freePorts(count) {
  const sockets = [];
  for (let i = 0; i < count; i += 1) {
    const socket = createSocket('udp6');
    socket.bind(0, '::');
    await once(socket, 'listening');
    sockets.push(socket);
  }
  const ports = sockets.map((socket) => socket.address().port);
  for (const socket of sockets) {
    socket.close();
    await once(socket, 'close');
  }
  return ports;
}
