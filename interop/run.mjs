// Runs the rows: `node run.mjs [BEGINNING-OF-A-FILE-NAME…] [options of node --test]`. With `--more`
// those in more/tests/ instead.
//
// Everything happens inside a network namespace of its own where the machine allows one: fixed
// ports are free there, ::1 and addresses that are not loopback exist, and nothing leaves the
// machine. Its processes are numbered by themselves too: whatever is still running when the run
// ends, or is interrupted, ends with it; and so does whatever lies in its temporary folder.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ADDRESS, ADDRESS_V6, HOST_NAME, IN_NAMESPACE } from './rig/namespace.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('-') && word !== '--more');
const folder = words.includes('--more') ? join('more', 'tests') : 'tests';
const names = words.filter((word) => !word.startsWith('-'));
const files = readdirSync(join(here, folder))
  .filter((file) => file.endsWith('.test.mjs'))
  .filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)))
  .map((file) => join(folder, file));
if (files.length === 0) {
  console.error(`no test file begins with ${names.join(' or ')}`);
  process.exit(2);
}

// Half of the tests watch the clock, so one file at a time.
const runner = ['--test', '--test-concurrency=1', '--test-reporter=spec'];
const node = [process.execPath, ...runner, ...options, ...files];

// The name server refuses at once: one that swallows queries stalls ICE for more than 20 s.
const prepare = `set -e
  ip link set lo up
  ip link add lan type veth peer name lan-end
  ip address add ${ADDRESS}/24 dev lan
  ip address add ${ADDRESS_V6}/64 dev lan nodad
  ip link set lan up
  ip link set lan-end up
  ip neighbour add 198.51.100.1 lladdr 02:00:00:00:00:01 dev lan
  ip route add default via 198.51.100.1
  printf 'nameserver 127.0.0.1\\n' > out/resolv.conf
  mount --bind out/resolv.conf /etc/resolv.conf
  printf '127.0.0.1 localhost\\n::1 localhost\\n${ADDRESS} ${HOST_NAME}\\n' > out/hosts
  mount --bind out/hosts /etc/hosts
  exec "$@"`;

const APART = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** As root, as an ordinary user. */
const WAYS = [APART, ['--user', '--map-root-user', ...APART]];

function enter(way, command) {
  return ['unshare', ...way, 'sh', '-c', prepare, 'sh', ...command];
}

function isAllowed(way) {
  const [program, ...args] = enter(way, ['true']);
  return spawnSync(program, args, { cwd: here, stdio: 'ignore' }).status === 0;
}

mkdirSync(join(here, 'out'), { recursive: true });
const way = WAYS.find(isAllowed);
const [program, ...args] = way ? enter(way, node) : node;
// What is being killed may still write.
const REMOVAL = { recursive: true, force: true, maxRetries: 5 };
const TMPDIR = mkdtempSync(join(tmpdir(), 'kopru-run-'));
process.on('exit', () => rmSync(TMPDIR, REMOVAL));
const env = { ...process.env, TMPDIR, ...(way && { [IN_NAMESPACE]: '1' }) };
const run = spawn(program, args, { cwd: here, env, stdio: 'inherit' });
// `unshare` ignores what is gentler.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill('SIGKILL'));
run.on('exit', (code) => process.exit(code ?? 1));
