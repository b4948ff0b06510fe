// Two hosts behind two NATs, and the server between them.
//
//    host a ──────── NAT a ────┐                ┌──── NAT b ──────── host b
//    10.77.1.2   10.77.1.1     │                │     10.77.2.1   10.77.2.2
//             198.51.100.21    │                │    198.51.100.22
//                              └───"internet"───┘
//                                      │
//                  the namespace of the tests, where the server runs:
//                  198.51.100.10, called turn.test, and 198.51.100.11
//
// Each host and each NAT is a network namespace that has no name, so nothing is left behind and two
// runs don't meet. It lives as long as the program inside that waits for the end of its input, and
// that comes when the tests end, whichever way they do.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch } from './browsers.mjs';
import { PATIENCE_MS, until } from './deadline.mjs';
import { carry } from './doorway.mjs';
import { ADDRESS, HOST_NAME, OTHER_ADDRESS } from './namespace.mjs';
import { rules } from './nat.mjs';
import { Program } from './program.mjs';

const SIDES = {
  a: { wan: '198.51.100.21', lan: '10.77.1' },
  b: { wan: '198.51.100.22', lan: '10.77.2' },
};

const programOf = (name) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));

/** A machine of its own: a network namespace. */
class Machine {
  static async boot() {
    const machine = new Machine();
    machine.programs = [];
    machine.life = new Program('unshare', ['--net', 'cat']);
    // `cat` runs only once the namespace is there.
    machine.life.child.stdin.write('awake\n');
    await until(PATIENCE_MS, 'a namespace', () => machine.life.output === 'awake\n');
    machine.pid = machine.life.child.pid;
    machine.shell('ip link set lo up');
    return machine;
  }

  enter(command) {
    return ['--target', `${this.pid}`, '--net', '--', ...command];
  }

  /** Runs a script to its end. */
  shell(script, input) {
    run('nsenter', this.enter(['sh', '-ec', script]), input);
  }

  /** Starts a program that ends with the machine at the latest. */
  start(...command) {
    const program = new Program('nsenter', this.enter(command));
    this.programs.push(program);
    return program;
  }

  /** Starts a program of the tests' own that says when it is ready. */
  async serve(name, ...args) {
    const program = this.start(process.execPath, programOf(name), ...args);
    await until(PATIENCE_MS, `${name} ready`, () => program.stdout.includes('ready'));
  }

  async halt() {
    for (const program of this.programs) if (program.running) await program.stop('SIGKILL');
    await this.life.stop('SIGKILL');
  }
}

export class Lab {
  static async build() {
    const lab = new Lab();
    lab.folder = mkdtempSync(join(tmpdir(), 'kopru-lab-'));
    lab.closing = [];
    lab.hosts = {};
    lab.nats = {};
    shell(`
      ip link add internet type bridge
      ip link set lan-end master internet
      ip link set internet up
      ip address add ${OTHER_ADDRESS}/24 dev lan`);
    for (const side of Object.keys(SIDES)) await lab.buildSide(side);
    return lab;
  }

  async buildSide(side) {
    const { wan, lan } = SIDES[side];
    const [nat, host] = [await Machine.boot(), await Machine.boot()];
    this.nats[side] = nat;
    this.hosts[side] = host;
    shell(`
      ip link add wan-${side} type veth peer name wan netns ${nat.pid}
      ip link set wan-${side} master internet up`);
    nat.shell(`
      ip address add ${wan}/24 dev wan
      ip link set wan up
      ip link add lan type veth peer name eth0 netns ${host.pid}
      ip address add ${lan}.1/24 dev lan
      ip link set lan up
      sysctl -qw net.ipv4.ip_forward=1`);
    host.shell(`
      ip address add ${lan}.2/24 dev eth0
      ip link set eth0 up
      ip route add default via ${lan}.1`);
    await host.serve('name_server', HOST_NAME, ADDRESS);
  }

  /** Makes the two NATs behave as `kinds` says, `{ a, b }`; they forget every flow. */
  nat(kinds) {
    for (const [side, kind] of Object.entries(kinds)) {
      const { wan, lan } = SIDES[side];
      const text = rules(kind, { address: wan, host: `${lan}.2` });
      this.nats[side].shell('nft -f - && conntrack -F', text);
    }
  }

  /** Starts a browser on a host; it is steered through a doorway into the namespace. */
  async launch(side, kind, options) {
    const host = this.hosts[side];
    const at = this.closing.length;
    const executable = join(this.folder, `${kind.browser}-${side}`);
    const command = ['nsenter', ...host.enter([kind.executable])].join(' ');
    writeFileSync(executable, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const [port, door] = [FIRST_DOOR + at, join(this.folder, `door-${at}`)];
    await host.serve('doorway', door, `${port}`);
    const doorway = await carry(port, door);
    const browser = await launch({ ...kind, executable }, { ...options, debuggingPort: port });
    this.closing.push(async () => {
      await browser.close();
      doorway.close();
    });
    return browser;
  }

  async raze() {
    for (const close of this.closing) await close();
    const machines = [...Object.values(this.hosts), ...Object.values(this.nats)];
    for (const machine of machines) await machine.halt();
    shell(`ip link delete internet; ip address delete ${OTHER_ADDRESS}/24 dev lan`);
    rmSync(this.folder, { recursive: true });
  }
}

/** Where the first doorway is, in the namespace of the tests and on the host. */
const FIRST_DOOR = 9300;

function shell(script) {
  run('sh', ['-ec', script]);
}

function run(program, args, input) {
  const { status, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
