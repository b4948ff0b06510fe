import { afterEach, beforeEach, expect, test, vi } from "vitest";
import spread from "../../../crates/signal/src/spread.rs?raw";
import { PAUSE_MAX_MS } from "../src/backoff.js";
import { Connections, LINGER_MS } from "../src/connections.js";
import type { Member } from "../src/member.js";
import type { RemoteDescription } from "../src/protocol.js";
import { describe, FakePeer } from "./fake-peer.js";
import { settle } from "./fake-socket.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What was sent: to whom, in which connection. */
type Sent = { type: string; to: string; connection: string; number: number };

function mesh() {
  const sent: Sent[] = [];
  const connections = new Connections({
    local: { stream: undefined, channels: ["chat"] },
    configuration: () => ({}),
    send: {
      description: (connection, number, { type }) =>
        sent.push({ type, to: connection.member.id, connection: connection.id, number }),
      candidate: () => undefined,
      report: () => undefined,
      why: async () => Promise.reject(new Error("not asked here")),
    },
    opened: () => undefined,
    closed: () => undefined,
  });
  const takeSent = async (): Promise<Sent[]> => {
    await settle();
    return sent.splice(0);
  };
  return { connections, takeSent };
}

function member(id: string, fields: Partial<Member> = {}): Member {
  return {
    id,
    identity: id,
    name: id,
    meta: {},
    polite: false,
    offers: true,
    nothingInCommon: [],
    iceRestart: true,
    reconnecting: false,
    nat: undefined,
    prediction: undefined,
    ...fields,
  };
}

function description(
  from: string,
  connection: string,
  type: RTCSdpType,
  negotiation: number,
  peer = 99,
): RemoteDescription {
  const sdp = describe(peer);
  const told = { type, sdp };
  return {
    type: "description",
    seq: 0,
    room: "lab",
    from,
    connection,
    negotiation,
    description: told,
  };
}

/** In a room with Bo, connected: the state in which signaling is lost. */
async function together(part: Partial<Member> = {}) {
  const all = mesh();
  all.connections.joined("me", [member("bo", { polite: false, ...part })]);
  const [offer] = await all.takeSent();
  const [connection] = all.connections.all();
  if (offer === undefined || connection === undefined) {
    throw new Error("no connection was begun");
  }
  all.connections.description(description("bo", connection.id, "answer", 1));
  await settle();
  FakePeer.last.becomes("connected");
  return { ...all, connection, peer: FakePeer.last };
}

test.each([
  ["impolite: begins", {}, 1],
  ["polite: waits", { polite: true }, 0],
  ["told to leave offering to the other: waits", { offers: false }, 0],
])("%s", async (_, part, offers) => {
  const { connections, takeSent } = mesh();
  connections.joined("me", [member("bo", part)]);
  expect(await takeSent()).toHaveLength(offers);
});

test("an offer of somebody new is answered in the connection it names", async () => {
  const { connections, takeSent } = mesh();
  connections.joined("me", [member("bo", { polite: true })]);
  connections.description(description("bo", "k1", "offer", 1));
  expect(await takeSent()).toEqual([{ type: "answer", to: "bo", connection: "k1", number: 1 }]);
  expect(connections.of("bo")?.id).toBe("k1");
});

test("nobody who is not in the room is listened to", async () => {
  const { connections, takeSent } = mesh();
  connections.joined("me", []);
  connections.description(description("eve", "k1", "offer", 1));
  expect(await takeSent()).toEqual([]);
});

test("who begins and is impolite keeps its own connection when both begin", async () => {
  const { connections, takeSent } = mesh();
  connections.joined("me", [member("bo")]);
  await takeSent();
  connections.description(description("bo", "theirs", "offer", 1));
  expect(await takeSent()).toEqual([]);
  expect(connections.of("bo")?.id).not.toBe("theirs");
});

test("who said leave is gone; whose signaling was cut stays while packets flow", async () => {
  for (const reason of ["left", "kicked", "revoked", "replaced", "not_allowed"] as const) {
    const first = await together();
    first.connections.memberLeft("bo", reason);
    expect(first.peer.isClosed).toBe(true);
  }

  const second = await together();
  second.connections.memberLeft("bo", "disconnected");
  expect(second.peer.isClosed).toBe(false);
  second.peer.becomes("disconnected");
  expect(second.peer.isClosed).toBe(true);

  const third = await together();
  third.connections.memberLeft("bo", "timed_out");
  vi.advanceTimersByTime(LINGER_MS);
  expect(third.peer.isClosed).toBe(true);
});

test.each([
  [true, 0],
  [false, 1],
])("the other comes back under the same id: polite %s makes %i offers", async (polite, offers) => {
  const { connections, takeSent, connection, peer } = await together();
  connections.memberLeft("bo", "disconnected");
  connections.memberJoined(member("bo", { polite }));
  expect(await takeSent()).toHaveLength(offers);
  vi.advanceTimersByTime(60_000);
  expect(peer.isClosed).toBe(false);
  expect(connections.all()).toEqual([connection]);
});

test("coming back oneself: offers in the same connection", async () => {
  const { connections, takeSent, connection } = await together();
  connections.signalingLost();
  connections.joined("me", [member("bo")]);
  expect(await takeSent()).toEqual([
    { type: "offer", to: "bo", connection: connection.id, number: 2 },
  ]);
});

test("coming back oneself with a relayed path: ICE starts over there, at once", async () => {
  const { connections, takeSent, connection, peer } = await together();
  peer.statistics = [
    {
      id: "P",
      type: "candidate-pair",
      selected: true,
      localCandidateId: "L",
      remoteCandidateId: "R",
    },
    { id: "L", type: "local-candidate", candidateType: "relay" },
    { id: "R", type: "remote-candidate", candidateType: "host" },
  ];
  const before = peer.localDescription?.sdp;
  connections.signalingLost();
  connections.joined("me", [member("bo")]);
  expect(await takeSent()).toEqual([
    { type: "offer", to: "bo", connection: connection.id, number: 2 },
  ]);
  expect(peer.localDescription?.sdp).not.toBe(before);
});

test("coming back under another id: begins anew", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  connections.joined("me2", [member("bo")]);
  const [offer] = await takeSent();
  expect(peer.isClosed).toBe(true);
  expect(offer?.connection).not.toBe(connection.id);
});

test("signaling is back as if nothing had been: nothing is said, nothing ends", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  peer.becomes("disconnected");
  connections.signalingBack();
  vi.advanceTimersByTime(1000);
  peer.becomes("connected");
  vi.advanceTimersByTime(60_000);
  expect(await takeSent()).toEqual([]);
  expect(connections.all()).toEqual([connection]);
});

test("signaling is back: who had left before is still waited for, but not forever", async () => {
  const { connections, peer } = await together();
  connections.memberLeft("bo", "disconnected");
  connections.signalingLost();
  connections.signalingBack();
  expect(peer.isClosed).toBe(false);
  vi.advanceTimersByTime(LINGER_MS);
  expect(peer.isClosed).toBe(true);
});

test("who is sent back last finds the connection with who was sent back first", async () => {
  const lastMs = Number(/const SECONDS_MAX: u32 = (\d+);/.exec(spread)?.[1]) * 1000;
  expect(lastMs).toBe(60_000);
  // A second of its own, an attempt that fails after its patience, and the longest pause.
  const lateMs = lastMs + 1000 + 10_000 + PAUSE_MAX_MS;
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  vi.advanceTimersByTime(1000);
  connections.joined("me", []);
  vi.advanceTimersByTime(lateMs);
  expect(peer.isClosed).toBe(false);
  connections.memberJoined(member("bo"));
  expect(await takeSent()).toMatchObject([{ connection: connection.id, number: 2 }]);
  expect(connections.all()).toEqual([connection]);
});

test("while signaling is lost, media may go on for as long as it can", async () => {
  const { connections, peer } = await together();
  connections.signalingLost();
  vi.advanceTimersByTime(3_600_000);
  expect(peer.isClosed).toBe(false);
});

test("what did not flow when signaling came back is begun anew", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  peer.becomes("disconnected");
  connections.joined("me", [member("bo")]);
  const [offer] = await takeSent();
  expect(peer.isClosed).toBe(true);
  expect(offer).toMatchObject({ type: "offer", to: "bo", number: 1 });
  expect(offer?.connection).not.toBe(connection.id);
});

test("signaling is back with a loss: what is connected and settled is left alone", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  connections.signalingBack();
  connections.resynced([member("bo", { name: "Bo L." })]);
  expect(await takeSent()).toEqual([]);
  expect(connections.all()).toEqual([connection]);
  expect(connection.member.name).toBe("Bo L.");
  expect(peer.isClosed).toBe(false);
});

test("signaling is back with a loss: an offer without its answer is made again", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connection.restart();
  expect(await takeSent()).toMatchObject([{ type: "offer", number: 2 }]);
  peer.becomes("connected");
  connections.signalingLost();
  connections.signalingBack();
  connections.resynced([member("bo")]);
  expect(await takeSent()).toEqual([
    { type: "offer", to: "bo", connection: connection.id, number: 3 },
  ]);
  expect(peer.isClosed).toBe(false);
});

test("signaling is back with a loss: what was on its way begins anew, others come", async () => {
  const { connections, takeSent, peer } = await together();
  connections.memberJoined(member("cem"));
  await takeSent();
  const unfinished = FakePeer.last;
  connections.signalingLost();
  connections.signalingBack();
  connections.resynced([member("cem"), member("dee")]);
  expect(await takeSent()).toMatchObject([
    { type: "offer", to: "cem", number: 1 },
    { type: "offer", to: "dee", number: 1 },
  ]);
  expect(unfinished.isClosed).toBe(true);
  // Bo may come back.
  expect(peer.isClosed).toBe(false);
  vi.advanceTimersByTime(LINGER_MS);
  expect(peer.isClosed).toBe(true);
});

test("nobody takes over a connection whose member is there", async () => {
  const { connections, takeSent, connection } = await together();
  connections.memberJoined(member("eve", { polite: true }));
  connections.description(description("eve", connection.id, "offer", 2));
  expect(await takeSent()).toEqual([]);
  expect(connection.member.id).toBe("bo");
});

test("another RTCPeerConnection at the other end gets a new connection", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.signalingLost();
  connections.joined("me", [member("bo")]);
  await takeSent();
  connections.description(description("bo", connection.id, "answer", 2, 77));
  const [offer] = await takeSent();
  expect(peer.isClosed).toBe(true);
  expect(offer).toMatchObject({ type: "offer", to: "bo", number: 1 });
  expect(offer?.connection).not.toBe(connection.id);
});

test("renewed, everybody gets a new connection", async () => {
  const { connections, takeSent, connection, peer } = await together();
  connections.renew();
  const [offer] = await takeSent();
  expect(peer.isClosed).toBe(true);
  expect(offer?.connection).not.toBe(connection.id);
  expect(connections.all()).toHaveLength(1);
});

test.each([
  [true, "the same connection", 2],
  [false, "a new connection", 1],
])("a path is lost; ICE can be restarted: %s: %s", async (iceRestart, _, number) => {
  const { takeSent, connection, peer } = await together({ iceRestart });
  peer.becomes("failed");
  vi.advanceTimersByTime(5000);
  const [offer] = await takeSent();
  expect(offer).toMatchObject({ type: "offer", to: "bo", number });
  expect(offer?.connection === connection.id).toBe(iceRestart);
  expect(peer.isClosed).toBe(!iceRestart);
});

test("candidates reach the connection they name, from its member only", async () => {
  const { connections, connection, peer } = await together();
  const candidate = { candidate: "candidate:1" };
  const message = { type: "candidate", seq: 0, room: "lab", connection: connection.id } as const;
  connections.candidate({ ...message, from: "eve", candidate });
  connections.candidate({ ...message, from: "bo", connection: "other", candidate });
  connections.candidate({ ...message, from: "bo", candidate });
  await settle();
  expect(peer.candidates).toEqual([candidate]);
});

test("a changed name reaches the connection", async () => {
  const { connections, connection } = await together();
  connections.memberUpdated(member("bo", { name: "Bo L." }));
  expect(connection.member.name).toBe("Bo L.");
});
