import { expect, test, vi } from "vitest";
import { describe, FakePeer } from "./fake-peer.js";
import { BO, joined, reconnected } from "./fake-room.js";
import { FakeSocket, settle } from "./fake-socket.js";
import type { Frame } from "./fake-socket.js";
import { useFakes } from "./fakes.js";

useFakes();

/** The server refuses this. */
function refuses(socket: FakeSocket, { id }: Frame, code: string, fields = {}): Promise<void> {
  return socket.says({ type: "error", re: id, code, message: "", ...fields });
}

/** The server lets it in. */
function admits(socket: FakeSocket, { id }: Frame, fields = {}): Promise<void> {
  const room = { room: "lab", member: "m_1", members: [BO], version: 1 };
  return socket.says({ type: "joined", re: id, ...room, ...fields });
}

/** Connected with Bo, when the server is started again. */
async function restarted(fields = {}) {
  const options = { connect: true, channels: ["chat"] };
  const { room, client } = await joined([BO], options, fields);
  const [connection] = room.connections;
  const offer = FakeSocket.last.takes("description");
  await FakeSocket.last.says({
    type: "description",
    room: "lab",
    from: "m_bo",
    connection: offer["connection"],
    negotiation: 1,
    description: { type: "answer", sdp: describe(99) },
  });
  const peer = FakePeer.last;
  peer.becomes("connected");
  await FakeSocket.last.ends(1006);
  const socket = await reconnected();
  return { room, client, connection, peer, socket };
}

test.each([
  ["room_full", 3, "away"],
  ["room_not_allowed", undefined, "closed"],
])("a rejoin refused with %s leaves it %s", async (code, retry_after_s, status) => {
  const { room } = await joined();
  await FakeSocket.last.ends(1006);
  const socket = await reconnected();
  await refuses(socket, socket.takes("join"), code, { retry_after_s });
  expect(room.status).toBe(status);
  await vi.advanceTimersByTimeAsync(3000);
  expect(socket.sent.filter(({ type }) => type === "join")).toHaveLength(status === "away" ? 1 : 0);
});

test("a room that the server forgot is waited for, and media goes on", async () => {
  const { room, connection, peer, socket } = await restarted();
  const told: [string, number][] = [];
  room.on("rejoin_refused", ({ error, retryAt }) => told.push([error.code, retryAt - Date.now()]));
  vi.spyOn(Math, "random").mockReturnValue(1);
  for (const pauseMs of [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]) {
    await refuses(socket, socket.takes("join"), "no_such_room");
    expect(told.pop()).toEqual(["no_such_room", pauseMs]);
    await vi.advanceTimersByTimeAsync(pauseMs - 1);
    expect(socket.sent.filter(({ type }) => type === "join")).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    for (const { id } of socket.sent.filter(({ type }) => type === "ping")) {
      await socket.says({ type: "pong", re: id });
    }
    socket.sent = socket.sent.filter(({ type }) => type === "join");
  }
  vi.restoreAllMocks();
  expect(room.status).toBe("away");
  expect(peer.isClosed).toBe(false);
  await admits(socket, socket.takes("join"));
  expect(room.status).toBe("joined");
  expect(room.connections).toEqual([connection]);
  expect(socket.takes("description")).toMatchObject({ connection: connection?.id, negotiation: 2 });
});

test("a session that is lost while it waits for the room goes on with waiting", async () => {
  const { room, socket } = await restarted();
  await refuses(socket, socket.takes("join"), "no_such_room");
  await socket.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  const next = FakeSocket.last;
  await next.resumes();
  expect(room.status).toBe("away");
  await next.says({ type: "pong", re: next.takes("ping")["id"] });
  // Asked meanwhile, and once.
  await admits(next, next.takes("join"));
  expect(room.status).toBe("joined");
  expect(next.sent.filter(({ type }) => type === "join")).toEqual([]);
});

test("who leaves while the server does not let it in asks no more", async () => {
  const { room, peer, socket } = await restarted();
  const join = socket.takes("join");
  room.leave();
  await refuses(socket, join, "no_such_room");
  socket.takes("leave");
  await vi.advanceTimersByTimeAsync(15_000);
  expect(socket.sent).toEqual([]);
  expect(peer.isClosed).toBe(true);
});

test.each([
  ["of the room", { ice_transport_policy: "relay" }, {}],
  ["of the token", {}, { ice_transport_policy: "relay" }],
])("relays only, once told %s, holds when the server has forgotten", async (_, told, policy) => {
  const { room } = await joined([BO], { connect: true, channels: ["chat"] }, told);
  const ice_servers = [{ urls: ["turn:192.0.2.1"], username: "u", credential: "c" }];
  await FakeSocket.last.says({ type: "ice_servers", ice_servers, ...policy });
  expect(room.relayOnly).toBe(true);
  await FakeSocket.last.ends(1006);
  const socket = await reconnected();
  await admits(socket, socket.takes("join"));
  await settle();
  expect(room.relayOnly).toBe(true);
  expect(FakePeer.last.configuration).toMatchObject({ iceTransportPolicy: "relay" });
  room.setRelayOnly(true);
  room.setRelayOnly(false);
  expect(FakePeer.last.configuration).toMatchObject({ iceTransportPolicy: "relay" });
});
