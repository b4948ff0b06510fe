// coturn's own client, turnutils_uclient, with a server for it and a peer that sends back what it
// receives.

import { certificate } from './certificate.mjs';
import { Kopru } from './kopru.mjs';
import { freePorts } from './ports.mjs';
import { Program } from './program.mjs';

export const ALICE = ['-u', 'alice', '-w', 'secret1'];
export const SHARED_SECRET = ['-u', 'bob', '-W', 'north-of-the-wall'];
export const V4 = ['-X', '-e', '127.0.0.1'];
export const V6 = ['-x', '-e', '::1'];

/** So many clients of one run send so many messages each, of so many bytes. */
export const CLIENTS = 2;
export const MESSAGES = 20;
export const BYTES = 170;

const configuration = (workers, key, files) => (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [https]
  listen = ["127.0.0.1:${ports.https}", "[::1]:${ports.https}"]
  certificate = "${files.chain}"
  key = "${files.key}"
  [turn]
  listen = ["127.0.0.1:${ports.turn}", "[::1]:${ports.turn}"]
  public_host = "localhost"
  relay_addresses = ["127.0.0.1", "::1"]
  workers = ${workers}
  ${key}
  [turn.auth]
  secrets = ["north-of-the-wall"]
  users = { alice = "secret1" }
  [turn.peers]
  allow = ["127.0.0.0/8", "::1/128"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

export class Uclient {
  /** A server with this key of [turn] set, and a peer. */
  static async with(workers, key) {
    const rig = new Uclient();
    rig.files = certificate();
    rig.kopru = await Kopru.configured(configuration(workers, key, rig.files));
    [rig.peerPort] = await freePorts(1);
    const args = ['-L', '127.0.0.1', '-L', '::1', '-p', `${rig.peerPort}`];
    rig.peer = new Program('turnutils_peer', args);
    return rig;
  }

  /** Runs it, without RTCP unless asked, at the server's port of this name. */
  run(args, server, { port = 'turn', rtcp = false } = {}) {
    const size = ['-n', `${MESSAGES}`, '-m', `${CLIENTS}`, '-l', `${BYTES}`];
    const ports = ['-p', `${this.kopru.ports[port]}`, '-r', `${this.peerPort}`];
    const load = rtcp ? size : [...size, '-c'];
    return new Program('turnutils_uclient', [...load, ...ports, ...args, server]);
  }

  async stop() {
    await this.kopru.stop();
    this.files.remove();
    await this.peer.stop('SIGKILL');
  }
}

/** Messages sent and received: its exit status is 0 even where some are lost. */
export function counted({ output }) {
  const [, sent, received] = output.match(TOTALS) ?? [];
  return [Number(sent), Number(received)];
}

const TOTALS = /start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)$/m;
