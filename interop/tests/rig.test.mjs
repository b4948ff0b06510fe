// What the other tests stand on, checked against the vectors of RFC 5769 and against arithmetic.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesOf, embeddings } from '../rig/addresses.mjs';
import { until, within } from '../rig/deadline.mjs';
import { Program } from '../rig/program.mjs';
import * as stun from '../rig/stun.mjs';

// RFC 5769 §2.4: a request with long-term credentials.
const REQUEST = `
  00010060 2112a442 78ad3433c6ad72c029da412e
  00060012 e3839ee38388e383aae38383e382afe382b90000
  0015001c 662f2f3439396b39353464364f4c33346f4c394653547679363473410014
  000b6578616d706c652e6f726700
  00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666`;

// RFC 5769 §2.2 and §2.3: responses with an IPv4 and an IPv6 address.
const RESPONSE_V4 = `
  0101003c 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220
  00200008 0001a147e112a643
  00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
  80280004 c07d4c96`;
const RESPONSE_V6 = `
  01010048 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220
  00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  00080014 a382954e4be67bf11784c97c8292c275bfe3ed41
  80280004 c8fb0b4c`;
const PASSWORD = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt');

const bytes = (text) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

test('RFC 5769 §2.4: the long-term request is read, verified and written again', () => {
  const key = stun.longTermKey('マトリックス', 'example.org', 'TheMatrIX');
  const request = stun.decode(bytes(REQUEST));
  assert.equal(request.method, stun.METHOD.BINDING);
  assert.equal(request.attributes.get(stun.ATTRIBUTE.REALM).toString(), 'example.org');
  assert.ok(stun.isIntact(request, key));
  assert.ok(!stun.isIntact(request, Buffer.alloc(16)));

  const attributes = [...request.attributes].filter(([type]) => type !== 0x0008);
  const written = stun.encode({ method: 1, id: request.id, attributes, key });
  assert.equal(written.toString('hex'), bytes(REQUEST).toString('hex'));
});

test('RFC 5769 §2.2, §2.3: addresses are unmasked, the fingerprint is the same', () => {
  for (const [text, ip] of [
    [RESPONSE_V4, '192.0.2.1'],
    [RESPONSE_V6, '2001:db8:1234:5678:11:2233:4455:6677'],
  ]) {
    const response = stun.decode(bytes(text));
    const value = response.attributes.get(stun.ATTRIBUTE.XOR_MAPPED_ADDRESS);
    assert.deepEqual(stun.readXorAddress(value, response.id), { ip: bytesOf(ip), port: 32853 });
    assert.deepEqual(stun.xorAddress(bytesOf(ip), 32853, response.id), Buffer.from(value));
    assert.ok(stun.isIntact(response, PASSWORD));

    // The vectors pad with a space, we with zeros: so without the padded attribute.
    const attributes = [[stun.ATTRIBUTE.XOR_MAPPED_ADDRESS, value]];
    const { id } = response;
    const written = stun.encode({ method: 1, cls: 2, id, attributes, fingerprint: true });
    assert.equal(written.length, 20 + 4 + value.length + 8);
    assert.equal(stun.decode(written).cls, stun.CLASS.SUCCESS);
  }
});

test('IPv4 addresses are embedded as the RFCs say', () => {
  assert.equal(bytesOf('2001:db8::1').toString('hex'), '20010db8000000000000000000000001');
  assert.equal(bytesOf('::').toString('hex'), '00'.repeat(16));
  const forms = embeddings('192.0.2.33');
  assert.equal(bytesOf(forms['v4-mapped']).toString('hex'), '00000000000000000000ffffc0000221');
  assert.equal(bytesOf(forms['6to4']).toString('hex'), '2002c000022100000000000000000001');
  // RFC 4380 §4: the client's address with every bit flipped.
  assert.equal(bytesOf(forms.Teredo).subarray(12).toString('hex'), '3ffffdde');
  assert.equal(bytesOf(forms.NAT64).toString('hex'), '0064ff9b0000000000000000c0000221');
});

test('what does not happen is an error that names it', async () => {
  await assert.rejects(within(10, 'miracle', new Promise(() => {})), /no miracle within 10 ms/);
  await assert.rejects(until(10, 'true', () => 0), /not true within 10 ms; last: 0/);
  assert.equal(await until(10_000, 'three', counter(3)), 3);
});

function counter(goal) {
  let count = 0;
  return () => ((count += 1) === goal ? count : undefined);
}

test('a program past its deadline is killed, and what it wrote is told', async () => {
  const program = new Program('sh', ['-c', 'echo started; exec sleep 60']);
  await until(10_000, 'started', () => program.output.includes('started'));
  await assert.rejects(program.exit(10), /no end of sh within 10 ms; it wrote:\nstarted/);
  assert.equal(await new Program('no-such-program', []).exit(10_000), -1);
});

test('a program past its deadline ends, although what it has started goes on', async () => {
  const program = new Program('sh', ['-c', 'sleep 60 & echo $!; wait']);
  const child = await until(10_000, 'started', () => Number(program.stdout));
  await assert.rejects(program.exit(10), /no end of sh within 10 ms/);
  assert.ok(process.kill(child, 0), 'it goes on');
  process.kill(child, 'SIGKILL');
});
