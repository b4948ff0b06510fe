// A command in a network namespace of its own: fixed ports are free there, ::1 and addresses that
// are not loopback exist, and nothing leaves the machine. Its processes are numbered by themselves
// too: whatever is still running when the command ends, or is interrupted, ends with it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ADDRESS, ADDRESS_V6, HOST_NAME } from './namespace.mjs';

const FILES = {
  // The name server refuses at once: one that swallows queries stalls ICE for more than 20 s.
  'resolv.conf': 'nameserver 127.0.0.1\n',
  hosts: `127.0.0.1 localhost\n::1 localhost\n${ADDRESS} ${HOST_NAME}\n`,
};

const PREPARE = `set -e
  ip link set lo up
  ip link add lan type veth peer name lan-end
  ip address add ${ADDRESS}/24 dev lan
  ip address add ${ADDRESS_V6}/64 dev lan nodad
  ip link set lan up
  ip link set lan-end up
  ip neighbour add 198.51.100.1 lladdr 02:00:00:00:00:01 dev lan
  ip route add default via 198.51.100.1
  for file in ${Object.keys(FILES).join(' ')}; do mount --bind "$0/$file" "/etc/$file"; done
  exec "$@"`;

const APART = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** As root, as an ordinary user. */
const WAYS = [APART, ['--user', '--map-root-user', ...APART]];

/**
 * Gives back what makes a command one that runs apart, or undefined where the machine allows no
 * namespace. `folder` keeps what lies over files of /etc.
 */
export function wayApart(folder) {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  const enter = (way) => (command) => ['unshare', ...way, 'sh', '-c', PREPARE, folder, ...command];
  return WAYS.map(enter).find((apart) => {
    const [program, ...args] = apart(['true']);
    return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  });
}
