// A certificate for localhost and the address of this host, made for one run.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ADDRESS } from './namespace.mjs';

/** The paths of the chain and of its key. */
export function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'kopru-certificate-'));
  const [chain, key] = ['chain.pem', 'key.pem'].map((name) => join(folder, name));
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const alternatives = `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${ADDRESS}`;
  const names = ['-subj', '/CN=localhost', '-addext', alternatives];
  const args = ['req', ...kind, ...names, '-days', '2', '-keyout', key, '-out', chain];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  return { chain, key, remove: () => rmSync(folder, { recursive: true }) };
}
