// A reverse proxy, as they stand in front of servers, with the habits that a test wants.

import { createServer, request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { once } from 'node:events';

export class Proxy {
  /**
   * Starts one for the server at `url`. `upgrades`: whether it passes on WebSocket handshakes,
   * refuses them (`false`) or never answers (`'swallowed'`). `streams`: it passes on answers as
   * they come, else when they are whole. `requests`: it passes on those that carry messages. `tls`:
   * the certificate with which it speaks HTTPS.
   */
  static async start(url, { tls, ...habits } = {}) {
    const proxy = new Proxy();
    proxy.becomes(habits);
    const take = (asked, answer) => {
      if (!proxy.requests && asked.url.includes('/v1/')) return answer.writeHead(403).end();
      void pass(url, asked, answer, proxy.streams);
    };
    const server = tls ? createSecureServer(tls, take) : createServer(take);
    const { upgraded } = proxy;
    server.on('upgrade', (asked, socket) => {
      const { upgrades } = proxy;
      if (!upgrades) return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      if (upgrades === 'swallowed') return socket.on('error', () => {}).resume();
      upgraded.add(socket);
      socket.on('close', () => upgraded.delete(socket));
      passUpgrade(url, asked, socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy.server = server;
    proxy.url = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
    return proxy;
  }

  /** The WebSockets that pass through it. */
  upgraded = new Set();

  /** Has these habits from now on; what passes through it already is left alone. */
  becomes({ upgrades = true, streams = true, requests = true }) {
    Object.assign(this, { upgrades, streams, requests });
  }

  /** Breaks every WebSocket off, without a word; how many. */
  cut() {
    const sockets = [...this.upgraded];
    for (const socket of sockets) socket.destroy();
    return sockets.length;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** The same request to the server behind, which learns whose it is. */
function onward(url, { method, url: path, headers, socket }) {
  const client = { 'x-forwarded-for': socket.remoteAddress };
  return request(new URL(path, url), { method, headers: { ...headers, ...client }, agent: false });
}

async function pass(url, asked, answer, streams) {
  const asking = onward(url, asked);
  asked.pipe(asking);
  answer.on('close', () => asking.destroy());
  try {
    const [response] = await once(asking, 'response');
    if (streams) {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
      return;
    }
    const parts = [];
    for await (const part of response) parts.push(part);
    answer.writeHead(response.statusCode, response.headers).end(Buffer.concat(parts));
  } catch {
    answer.destroy(); // one side has gone
  }
}

function passUpgrade(url, asked, socket) {
  const asking = onward(url, asked);
  asking.on('upgrade', ({ rawHeaders }, server) => {
    const fields = rawHeaders.map((text, at) => text + (at % 2 ? '\r\n' : ': ')).join('');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
    server.pipe(socket).pipe(server);
    for (const side of [server, socket]) side.on('error', () => [server, socket].map(destroy));
  });
  asking.on('error', () => socket.destroy());
  asking.end();
}

const destroy = (socket) => socket.destroy();
