// A certificate for the names and addresses of this host, and the authority that vouches for it,
// both made for one run.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ADDRESS, HOST_NAME } from './namespace.mjs';

const NAMES = `DNS:localhost,DNS:${HOST_NAME},IP:127.0.0.1,IP:${ADDRESS}`;

/** The paths of the chain and of its key, and of the certificate of its authority. */
export function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'kopru-certificate-'));
  const inFolder = (name) => join(folder, name);
  const [authority, authorityKey] = ['authority.pem', 'authority-key.pem'].map(inFolder);
  const [chain, key] = ['chain.pem', 'key.pem'].map(inFolder);
  const issuer = ['-CA', authority, '-CAkey', authorityKey];
  certify('Interop', authority, authorityKey, ['-addext', 'keyUsage=keyCertSign']);
  const extensions = [`subjectAltName=${NAMES}`, 'basicConstraints=critical,CA:FALSE'];
  certify('localhost', chain, key, [...issuer, ...extensions.flatMap((it) => ['-addext', it])]);
  return { chain, key, authority, remove: () => rmSync(folder, { recursive: true }) };
}

function certify(name, path, key, more) {
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  const args = ['req', ...kind, ...subject, ...more, '-keyout', key, '-out', path];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
}
