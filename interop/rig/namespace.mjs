// The network the tests run in: a namespace of their own (see run.mjs), or the machine's.

/** Set by run.mjs inside the namespace. */
export const IN_NAMESPACE = 'KOPRU_INTEROP_NAMESPACE';

/** The addresses there that are not loopback (RFC 5737, RFC 3849: for documentation). */
export const ADDRESS = '198.51.100.10';
export const ADDRESS_V6 = '2001:db8::10';

/** What the first of them is called there. */
export const HOST_NAME = 'turn.test';

/** A second one, in the NAT lab. */
export const OTHER_ADDRESS = '198.51.100.11';

/** Why a test that needs the namespace can't run, or `false` when it can. */
export const noNamespace =
  process.env[IN_NAMESPACE] !== '1' &&
  'this machine allows no network namespace (needs root, or user namespaces)';
