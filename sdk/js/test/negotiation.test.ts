import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Negotiation } from "../src/negotiation.js";
import type { Candidate, Description } from "../src/protocol.js";
import { describe, FakePeer } from "./fake-peer.js";
import { settle } from "./fake-socket.js";

beforeEach(() => FakePeer.install());
afterEach(() => vi.unstubAllGlobals());

type Sent = ["offer" | "answer" | "candidate" | "gathering", unknown];

function start(part: { begins: boolean; polite: boolean }) {
  const peer = new FakePeer();
  const sent: Sent[] = [];
  const errors: unknown[] = [];
  const link = {
    sendDescription: (number: number, { type }: Description) =>
      sent.push([type as "offer" | "answer", number]),
    sendCandidate: (candidate: Candidate) => sent.push(["candidate", candidate]),
    beforeGathering: () => sent.push(["gathering", null]),
    failed: (error: unknown) => errors.push(error),
  };
  const negotiation = new Negotiation(
    peer as unknown as RTCPeerConnection,
    link,
    part.begins,
    part.polite,
  );
  const takeSent = () => sent.splice(0);
  return { peer, negotiation, takeSent, errors };
}

const offer = (generation = 1): Description => ({ type: "offer", sdp: describe(9, generation) });
const answer = (generation = 1): Description => ({ type: "answer", sdp: describe(9, generation) });
const candidate = (fragment: string): RTCIceCandidateInit => ({
  candidate: "candidate:1",
  usernameFragment: fragment,
});

/** One that began, and got its answer. */
async function connected(polite: boolean) {
  const all = start({ begins: true, polite });
  all.peer.createDataChannel("chat");
  await settle();
  all.negotiation.receiveDescription(1, answer());
  await settle();
  all.takeSent();
  return all;
}

test("the one that begins offers, and takes the answer", async () => {
  const { peer, negotiation, takeSent } = start({ begins: true, polite: false });
  peer.createDataChannel("chat");
  await settle();
  expect(takeSent()).toEqual([["offer", 1]]);
  negotiation.receiveDescription(1, answer());
  await settle();
  expect(peer.signalingState).toBe("stable");
  expect(takeSent()).toEqual([]);
});

test("the one that does not begin waits for the offer, and answers with its number", async () => {
  const { peer, negotiation, takeSent } = start({ begins: false, polite: true });
  peer.createDataChannel("chat");
  await settle();
  expect(takeSent()).toEqual([]);
  negotiation.receiveDescription(5, offer());
  await settle();
  expect(takeSent()).toEqual([["answer", 5]]);
  peer.createDataChannel("more");
  await settle();
  expect(takeSent()).toEqual([["offer", 6]]);
});

test("impolite: a colliding offer is ignored, the own one is answered", async () => {
  const { peer, negotiation, takeSent } = start({ begins: true, polite: false });
  peer.createDataChannel("chat");
  await settle();
  negotiation.receiveDescription(1, offer());
  await settle();
  expect(takeSent()).toEqual([["offer", 1]]);
  expect(peer.signalingState).toBe("have-local-offer");
  negotiation.receiveDescription(1, answer());
  await settle();
  expect(peer.signalingState).toBe("stable");
});

test("polite: a colliding offer is answered, then the own one is made again", async () => {
  const { peer, negotiation, takeSent } = start({ begins: true, polite: true });
  peer.createDataChannel("chat");
  await settle();
  negotiation.receiveDescription(1, offer());
  await settle();
  expect(takeSent()).toEqual([
    ["offer", 1],
    ["answer", 1],
    ["offer", 2],
  ]);
});

test("an answer to an offer that was taken back is dropped", async () => {
  const { peer, negotiation, errors } = await connected(false);
  negotiation.restart();
  await settle();
  negotiation.receiveDescription(1, answer());
  await settle();
  expect(peer.signalingState).toBe("have-local-offer");
  negotiation.receiveDescription(2, answer(2));
  await settle();
  expect(peer.signalingState).toBe("stable");
  expect(errors).toEqual([]);
});

test("candidates wait for their description; those of another are dropped", async () => {
  const { peer, negotiation } = start({ begins: true, polite: false });
  peer.createDataChannel("chat");
  await settle();
  negotiation.receiveCandidate(candidate("u9.1"));
  negotiation.receiveCandidate(candidate("ignored"));
  negotiation.receiveCandidate(null);
  await settle();
  expect(peer.candidates).toEqual([]);
  negotiation.receiveDescription(1, answer());
  negotiation.receiveCandidate({ candidate: "candidate:without-fragment" });
  await settle();
  expect(peer.candidates).toEqual([
    candidate("u9.1"),
    null,
    { candidate: "candidate:without-fragment" },
  ]);
});

test("own candidates follow their offer; null ends them, the empty one is not sent", async () => {
  const { peer, takeSent } = start({ begins: true, polite: false });
  peer.createDataChannel("chat");
  await Promise.resolve();
  peer.gathers(candidate("u1.1"));
  peer.gathers({ candidate: "" });
  peer.gathers(null);
  await settle();
  expect(takeSent()).toEqual([
    ["offer", 1],
    ["candidate", candidate("u1.1")],
    ["candidate", null],
  ]);
});

test("renewed servers are applied before a restart, by either side", async () => {
  const { negotiation, takeSent } = await connected(true);
  negotiation.restart();
  await settle();
  expect(takeSent()).toEqual([
    ["gathering", null],
    ["offer", 2],
  ]);
  negotiation.receiveDescription(2, answer());
  negotiation.receiveDescription(3, offer());
  await settle();
  expect(takeSent()).toEqual([["answer", 3]]);
  negotiation.receiveDescription(4, offer(2));
  await settle();
  expect(takeSent()).toEqual([
    ["gathering", null],
    ["answer", 4],
  ]);
});

test("under new ids, what was in flight is taken back and offered again", async () => {
  const { peer, negotiation, takeSent } = await connected(false);
  negotiation.restart();
  await settle();
  takeSent();
  negotiation.rebind(true, true);
  await settle();
  expect(takeSent()).toEqual([["offer", 3]]);
  negotiation.receiveDescription(2, answer());
  await settle();
  expect(peer.signalingState).toBe("have-local-offer");
  negotiation.receiveDescription(3, answer());
  await settle();
  expect(peer.signalingState).toBe("stable");
});

test("nothing happens after the end", async () => {
  const { peer, negotiation, takeSent, errors } = await connected(true);
  peer.close();
  negotiation.receiveDescription(2, offer());
  negotiation.restart();
  await settle();
  expect(takeSent()).toEqual([]);
  expect(errors).toEqual([]);
});

test("a description that cannot be applied is told, and the next one is taken", async () => {
  const { peer, negotiation, takeSent, errors } = start({ begins: false, polite: true });
  peer.setRemoteDescription = vi.fn(() => Promise.reject(new Error("no codec")));
  negotiation.receiveDescription(1, offer());
  await settle();
  expect(errors).toEqual([new Error("no codec")]);
  delete (peer as Partial<FakePeer>).setRemoteDescription;
  negotiation.receiveDescription(2, offer());
  await settle();
  expect(takeSent()).toEqual([["answer", 2]]);
});
