// One peer of node-datachannel, relay only. Two of them echo a message over a data channel.
//
// The first line of stdin is {"turn": {hostname, port, username, password}, "bytes": N}, with N
// only for the one who calls. Every other line, in and out, is what the peers tell each other,
// {"sdp", "type"} or {"candidate", "mid"}; the caller's last one is {"echoed", "pair"}.

import { createInterface } from 'node:readline';

import { PeerConnection, initLogger } from 'node-datachannel';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message) => console.log(JSON.stringify(message));
const hear = async () => JSON.parse((await lines.next()).value);

initLogger('Warning', (level, text) => console.error(level, text));
const { turn, bytes } = await hear();
const peer = new PeerConnection('peer', {
  iceServers: [{ ...turn, relayType: 'TurnUdp' }],
  iceTransportPolicy: 'relay',
});
peer.onLocalDescription((sdp, type) => say({ sdp, type }));
peer.onLocalCandidate((candidate, mid) => say({ candidate, mid }));
peer.onDataChannel((channel) => {
  channel.onMessage((message) => channel.sendMessageBinary(message));
});

if (bytes) {
  const sent = Buffer.from(Array.from({ length: bytes }, (_, at) => at % 251));
  const channel = peer.createDataChannel('echo');
  channel.onOpen(() => channel.sendMessageBinary(sent));
  channel.onMessage((message) => {
    say({ echoed: sent.equals(message), pair: peer.getSelectedCandidatePair() });
  });
}

for (;;) {
  const { sdp, type, candidate, mid } = await hear();
  if (sdp) peer.setRemoteDescription(sdp, type);
  else peer.addRemoteCandidate(candidate, mid);
}
