// coturn's client of RFC 5780, turnutils_natdiscovery: on loopback there is no NAT, and it says so.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Kopru } from '../rig/kopru.mjs';
import { Program, lacks } from '../rig/program.mjs';

const configuration = (workers, discovery) => (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  second_port = ${ports.https}
  nat_discovery = [${discovery}]
  workers = ${workers}
`;

const ROWS = [
  // title, arguments, what it says
  ['mapping', ['-m'], [/NAT with Endpoint Independent Mapping!/]],
  ['filtering', ['-f'], [/NAT with Endpoint Independent Filtering!/]],
  ['mapping, padded', ['-m', '-P'], [/NAT with Endpoint Independent Mapping!/]],
  ['filtering, padded', ['-f', '-P'], [/NAT with Endpoint Independent Filtering!/]],
  ['hairpinning', ['-H'], [/Received a request \(maybe a successful hairpinning\)/]],
  ['an ALG', ['-m'], [/No ALG: Mapped == XOR-Mapped/]],
  ['a binding that lives for a second', ['-t', '-T', '1'], [/RFC 5780 response 2\n/]],
];

const skip = lacks('turnutils_natdiscovery');

const natdiscovery = (kopru, args) =>
  new Program('turnutils_natdiscovery', [...args, '-p', `${kopru.ports.turn}`, '127.0.0.1']);

for (const workers of [1, 2]) {
  describe(`turnutils_natdiscovery, workers = ${workers}`, { skip, concurrency: 4 }, () => {
    let kopru;

    before(async () => {
      kopru = await Kopru.configured(configuration(workers, '"127.0.0.1", "127.0.0.2"'));
    });

    after(() => kopru?.stop());

    for (const [title, args, expected] of ROWS) {
      test(title, async () => {
        const program = natdiscovery(kopru, args);
        assert.equal(await program.exit(30_000), 0, program.output);
        expected.forEach((words) => assert.match(program.output, words));
      });
    }

    test('the other address differs in IP address and port', async () => {
      const program = natdiscovery(kopru, ['-m']);
      await program.exit(30_000);
      const other = program.output.match(/Other addr: : (\S+)/)?.[1];
      assert.equal(other, `127.0.0.2:${kopru.ports.https}`, program.output);
    });
  });
}

test('turnutils_natdiscovery, one address', { skip }, async (t) => {
  const kopru = await Kopru.configured(configuration(1, ''));
  t.after(() => kopru.stop());
  const program = natdiscovery(kopru, ['-m']);
  await program.exit(30_000);
  assert.doesNotMatch(program.output, /RFC 5780 response/);
});
