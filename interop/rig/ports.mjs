// Ports that are free, and stay so: below those that the kernel gives to whoever connects.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 20_000;
const COUNT = 10_000;

let next = Math.floor(Math.random() * COUNT);

/** `count` different ports on which nothing listens, over UDP and TCP, on IPv4 and IPv6. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = FIRST + (next % COUNT);
    next += 1;
    if ((await isFree(port, udp)) && (await isFree(port, tcp))) ports.push(port);
  }
  return ports;
}

async function isFree(port, bind) {
  const socket = bind(port);
  try {
    await once(socket, 'listening');
  } catch {
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}

const udp = (port) => createSocket('udp6').bind(port, '::');
const tcp = (port) => createServer().listen(port, '::');
