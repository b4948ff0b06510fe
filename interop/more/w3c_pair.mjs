// Two peers of a module that has the API of browsers, in one process, relay only: they echo a
// message over a data channel.
//
//     node w3c_pair.mjs MODULE < {"iceServers": [...], "bytes": N}
//
// Writes {"intact": true} when what came back is what went out.

import { text } from 'node:stream/consumers';

const module = await import(process.argv[2]);
const { RTCPeerConnection } = module.default ?? module;
const { iceServers, bytes } = JSON.parse(await text(process.stdin));

const peers = [0, 1].map(() => {
  return new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
});
const [caller, callee] = peers;
callee.ondatachannel = ({ channel }) => {
  channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }) => channel.send(Buffer.from(data));
};

const sent = Buffer.from(Array.from({ length: bytes }, (_, at) => at % 251));
const channel = caller.createDataChannel('echo');
channel.binaryType = 'arraybuffer';
const echoed = new Promise((resolve) => {
  channel.onopen = () => channel.send(sent);
  channel.onmessage = ({ data }) => resolve(Buffer.from(data));
});

await describe(caller, await caller.createOffer(), callee);
await describe(callee, await callee.createAnswer(), caller);
console.log(JSON.stringify({ intact: sent.equals(await echoed) }));
process.exit();

/** Tells `other` the description of `one` once all its candidates are in it. */
async function describe(one, description, other) {
  const gathered = new Promise((resolve) => {
    const look = () => one.iceGatheringState === 'complete' && resolve();
    one.onicegatheringstatechange = look;
    one.onicecandidate = look;
  });
  await one.setLocalDescription(description);
  if (one.iceGatheringState !== 'complete') await gathered;
  await other.setRemoteDescription(one.localDescription);
}
