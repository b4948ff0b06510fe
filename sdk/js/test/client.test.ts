import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "../src/client.js";
import type { ClientState } from "../src/client.js";
import { describe, FakePeer } from "./fake-peer.js";
import { BO, connected, joined, reconnected } from "./fake-room.js";
import { FakeSocket, settle } from "./fake-socket.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an http address becomes a WebSocket address, without its fragment", async () => {
  const client = new Client("https://test/v1/ws#token=t");
  void client.connect();
  await settle();
  expect(FakeSocket.last.url).toBe("wss://test/v1/ws");
});

test("tries until it succeeds, and tells how it goes", async () => {
  const client = new Client("ws://test/v1/ws");
  const states: ClientState[] = [];
  client.on("state", (state) => states.push(state));
  const open = client.connect();
  await settle();
  await FakeSocket.last.ends(1006);
  expect(states).toMatchObject([
    { status: "connecting", attempt: 1 },
    { status: "waiting", attempt: 1, cause: { code: "disconnected" } },
  ]);
  await vi.advanceTimersByTimeAsync(500);
  await FakeSocket.last.welcomes();
  await open;
  expect(states.slice(2)).toMatchObject([{ status: "connecting", attempt: 2 }, { status: "open" }]);
});

test("a refused token ends it", async () => {
  const client = new Client("ws://test/v1/ws", { token: "old" });
  const refused = expect(client.connect()).rejects.toMatchObject({ code: "unauthorized" });
  await settle();
  FakeSocket.last.open();
  const error = { type: "error", code: "unauthorized", message: "not valid" };
  await FakeSocket.last.saysRaw(JSON.stringify(error));
  await FakeSocket.last.ends(4401);
  await refused;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
});

test("comes back with the resume token, and a fresh signaling token", async () => {
  let count = 0;
  const token = () => `t${(count += 1)}`;
  const { hello } = await connected({ token });
  expect(hello).toMatchObject({ token: "t1" });
  expect(hello).not.toHaveProperty("resume");
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(500);
  const again = await FakeSocket.last.welcomes();
  expect(again).toMatchObject({ token: "t2", resume: "r_1", ack: 1 });
});

test("does not wait for the pause when asked not to", async () => {
  const { client } = await connected();
  await FakeSocket.last.ends(4503);
  expect(client.state.status).toBe("waiting");
  client.reconnectNow();
  await settle();
  await FakeSocket.last.welcomes();
  expect(client.state.status).toBe("open");
});

test("an open connection that does not answer when asked is given up soon", async () => {
  const { client } = await connected();
  client.reconnectNow();
  FakeSocket.last.takes("ping");
  await vi.advanceTimersByTimeAsync(5000);
  expect(client.state.status).toBe("waiting");
});

test("keeps the ICE servers fresh", async () => {
  const { client } = await connected();
  const renewed = [{ urls: ["turn:192.0.2.1:3478"], username: "u", credential: "c" }];
  await FakeSocket.last.says({ type: "ice_servers", ice_servers: renewed, ice_ttl_s: 600 });
  expect(client.iceConfiguration).toEqual({ iceServers: renewed, iceTransportPolicy: "all" });
});

test("joins, and knows who is there", async () => {
  const { room, join } = await joined([BO], { name: "Ada", meta: { camera: true } });
  expect(join).toMatchObject({ room: "lab", name: "Ada", meta: { camera: true } });
  expect([...room.members.keys()]).toEqual(["m_bo"]);
  expect(room.member).toBe("m_1");
});

test("a refused join is an error, and the client goes on", async () => {
  const { client } = await connected();
  const joining = client.join("lab", { connect: false });
  const refused = expect(joining).rejects.toMatchObject({ code: "room_full", retryAfterMs: 5000 });
  await settle();
  const { id } = FakeSocket.last.takes("join");
  const error = { type: "error", re: id, code: "room_full", message: "", retry_after_s: 5 };
  await FakeSocket.last.says(error);
  await refused;
  expect(client.state.status).toBe("open");
});

test("a join that the connection did not survive is made again", async () => {
  const { client } = await connected();
  const joining = client.join("lab", { connect: false });
  await settle();
  await FakeSocket.last.ends(1006);
  const socket = await reconnected();
  const { id } = socket.takes("join");
  await socket.says({
    type: "joined",
    re: id,
    room: "lab",
    member: "m_2",
    members: [],
    version: 1,
  });
  expect((await joining).member).toBe("m_2");
});

test("closing while joining ends the join", async () => {
  const { client } = await connected();
  const joining = expect(client.join("lab", { connect: false })).rejects.toMatchObject({
    code: "closed",
  });
  await settle();
  client.close();
  await joining;
});

test("follows who comes, changes and goes", async () => {
  const { room } = await joined();
  const told: string[] = [];
  room.on("member_joined", ({ id }) => told.push(`joined ${id}`));
  room.on("member_updated", ({ name }) => told.push(`updated ${name}`));
  room.on("member_left", ({ member, reason }) => told.push(`left ${member.id} ${reason}`));
  const cem = { ...BO, member: "m_cem", name: "Cem" };
  const socket = FakeSocket.last;
  await socket.says({ type: "member_joined", room: "lab", member: cem, version: 8 });
  await socket.says({ type: "member_joined", room: "lab", member: cem, version: 8 });
  const renamed = { ...BO, name: "Bo L." };
  await socket.says({ type: "member_updated", room: "lab", member: renamed, version: 9 });
  const left = { type: "member_left", room: "lab", member: cem, version: 10, reason: "left" };
  await socket.says(left);
  expect(told).toEqual(["joined m_cem", "updated Bo L.", "left m_cem left"]);
});

test("a gap in the versions of a room is healed by a new session", async () => {
  const { room } = await joined();
  await FakeSocket.last.says({ type: "member_joined", room: "lab", member: BO, version: 9 });
  expect(room.status).toBe("away");
  const socket = await reconnected();
  expect(socket.takes("join")).toMatchObject({ room: "lab", member: "m_1" });
});

test("messages go to one or all, and arrive with their sender", async () => {
  const { room } = await joined();
  const received: [string, unknown][] = [];
  room.on("message", ({ from, data }) => received.push([from.name, data]));
  await FakeSocket.last.says({ type: "message", room: "lab", from: "m_bo", data: { chat: "hi" } });
  await FakeSocket.last.says({ type: "message", room: "other", from: "m_bo", data: 1 });
  expect(received).toEqual([["Bo", { chat: "hi" }]]);
  void room.send("to all");
  void room.send("to Bo", "m_bo");
  expect(FakeSocket.last.takes("message")).not.toHaveProperty("to");
  expect(FakeSocket.last.takes("message")).toMatchObject({ to: "m_bo", data: "to Bo" });
});

test("a session that goes on: the rooms too, and what was asked meanwhile", async () => {
  const { room } = await joined();
  const statuses: string[] = [];
  const told: string[] = [];
  room.on("status", (status) => statuses.push(status));
  room.on("member_left", ({ member }) => told.push(`left ${member.id}`));
  await FakeSocket.last.ends(1006);
  const update = room.update({ name: "Ada" });
  await vi.advanceTimersByTimeAsync(5000);
  const socket = FakeSocket.last;
  await socket.resumes();
  expect(statuses).toEqual(["away", "joined"]);
  await socket.says({ type: "pong", re: socket.takes("ping")["id"] });
  const { id } = socket.takes("update");
  expect(socket.sent).toEqual([]);
  const left = { type: "member_left", room: "lab", member: BO, version: 8, reason: "left" };
  await socket.says(left);
  await socket.says({ type: "ok", re: id, version: 9 });
  await update;
  expect(told).toEqual(["left m_bo"]);
});

test("goes on where only an attempt of its own took its session", async () => {
  const { client } = await joined();
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  // Opened, and given up without an answer: its `hello` may still arrive.
  FakeSocket.last.open();
  await vi.advanceTimersByTimeAsync(15_000);
  await FakeSocket.last.resumes();
  await FakeSocket.last.ends(4409);
  expect(client.state.status).toBe("waiting");
  await vi.advanceTimersByTimeAsync(5000);
  await FakeSocket.last.resumes();
  await vi.advanceTimersByTimeAsync(30_000);
  await FakeSocket.last.ends(4409);
  expect(client.state.status).toBe("closed");
});

test("a session that goes on with a loss: the room as it is now", async () => {
  const { room } = await joined();
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  const socket = FakeSocket.last;
  await socket.resumes({ complete: false });
  const cem = { ...BO, member: "m_cem" };
  const now = { type: "joined", room: "lab", member: "m_1", members: [cem], version: 30 };
  await socket.says(now);
  expect([...room.members.keys()]).toEqual(["m_cem"]);
  await socket.says({ type: "member_joined", room: "lab", member: BO, version: 31 });
  expect(room.members.size).toBe(2);
});

test("a loss leaves a connection alone; an offer that did not arrive is made again", async () => {
  FakePeer.install();
  const { room } = await joined([BO], { connect: true, channels: ["chat"] });
  await settle();
  const offer = FakeSocket.last.takes("description");
  const [connection] = room.connections;
  expect(offer).toMatchObject({ connection: connection?.id, negotiation: 1, receipt: true });
  await FakeSocket.last.says({ type: "ok", re: offer["id"] });
  await FakeSocket.last.says({ type: "receipt", of: offer["id"], status: "expired" });
  const again = FakeSocket.last.takes("description");
  expect(again).toMatchObject({ connection: connection?.id, negotiation: 2 });
  await FakeSocket.last.says({ type: "ok", re: again["id"] });
  await FakeSocket.last.says({
    type: "description",
    room: "lab",
    from: "m_bo",
    connection: connection?.id,
    negotiation: 2,
    description: { type: "answer", sdp: describe(99) },
  });
  FakePeer.last.becomes("connected");
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  await FakeSocket.last.resumes({ complete: false });
  const now = { type: "joined", room: "lab", member: "m_1", members: [BO], version: 30 };
  await FakeSocket.last.says(now);
  expect(room.connections).toEqual([connection]);
  expect(FakePeer.all).toHaveLength(1);
  expect(FakePeer.last.isClosed).toBe(false);
});

test("who is away for a moment is seen to be, and counts no change", async () => {
  const { room } = await joined();
  const away = (reconnecting?: true) => ({
    type: "member_updated",
    room: "lab",
    member: { ...BO, ...(reconnecting && { reconnecting }) },
    version: 7,
  });
  const seen: boolean[] = [];
  room.on("member_updated", ({ reconnecting }) => seen.push(reconnecting));
  await FakeSocket.last.says(away(true));
  await FakeSocket.last.says(away());
  expect(seen).toEqual([true, false]);
});

test("joins a new session under its own id, with what it last said of itself", async () => {
  const { room } = await joined([BO], { name: "Ada" });
  const rejoined: string[] = [];
  room.on("rejoined", ({ member }) => rejoined.push(member));
  const update = expect(room.update({ meta: { hand: "raised" } })).rejects.toMatchObject({
    code: "disconnected",
  });
  await FakeSocket.last.ends(1006);
  expect(room.status).toBe("away");
  const socket = await reconnected();
  await update;
  const join = socket.takes("join");
  expect(join).toMatchObject({ name: "Ada", meta: { hand: "raised" }, member: "m_1" });
  await socket.says({
    type: "joined",
    re: join["id"],
    room: "lab",
    member: "m_1",
    members: [{ ...BO, meta: { hand: "down" } }],
    version: 3,
  });
  expect(rejoined).toEqual(["m_1"]);
  const [bo] = room.members.values();
  expect(bo).toMatchObject({ id: "m_bo", meta: { hand: "down" } });
});

test("close says leave, and ends the rooms without an error", async () => {
  const { client, room, takeStates } = await joined();
  const ends: unknown[] = [];
  room.on("closed", ({ error }) => ends.push(error));
  takeStates();
  client.close();
  expect(FakeSocket.last.takes("leave")).toMatchObject({ room: "lab" });
  expect(FakeSocket.last.closedWith).toBe(1000);
  expect(ends).toEqual([undefined]);
  expect(takeStates()).toEqual(["closed"]);
});

test("connections get the servers of now, and descriptions go to their member", async () => {
  FakePeer.install();
  const { room } = await joined([BO], { connect: true, channels: ["chat"], relayOnly: true });
  await settle();
  const [connection] = room.connections;
  expect(FakePeer.last.configuration).toEqual({
    iceServers: [{ urls: ["stun:192.0.2.1:3478"] }],
    iceTransportPolicy: "relay",
  });
  expect(FakeSocket.last.takes("description")).toMatchObject({
    room: "lab",
    to: "m_bo",
    connection: connection?.id,
    negotiation: 1,
    description: { type: "offer" },
  });
});

test("says which codecs it has, and hears with whom it has none in common", async () => {
  FakePeer.install();
  const codecs: Record<string, string[]> = {
    audio: ["audio/opus", "audio/telephone-event", "audio/CN"],
    video: ["video/VP8", "video/rtx", "video/H264", "video/H264", "video/ulpfec"],
  };
  const getCapabilities = (kind: string) => ({
    codecs: codecs[kind]?.map((mimeType) => ({ mimeType })),
  });
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities });
  const bo = { ...BO, common: { audio: ["opus"], video: [] }, nothing_in_common: ["video"] };
  const { join, room } = await joined([bo], { connect: true });
  expect(join["media"]).toEqual({ audio: ["opus"], video: ["VP8", "H264"] });
  expect(room.members.get("m_bo")?.nothingInCommon).toEqual(["video"]);
});

test("an application declares its own, in place of what the browser says", async () => {
  FakePeer.install();
  const codecs = [{ mimeType: "video/VP8" }];
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs }) });
  const options = { can: { video: ["H264"], subtitles: ["vtt"] }, protocols: ["chat/1"] };
  const { join } = await joined([BO], { connect: true, ...options });
  const own = { video: ["H264"], subtitles: ["vtt"], data: ["chat/1"] };
  expect(join["media"]).toEqual({ audio: ["VP8"], ...own });
  const { join: presence } = await joined([BO], { connect: false, ...options });
  expect(presence["media"]).toEqual(own);
  const { join: silent } = await joined([BO], { connect: false });
  expect(silent).not.toHaveProperty("media");
});

test("who asks for a receipt hears what became of the message", async () => {
  const { room } = await joined();
  const fate = room.send("hi", "m_bo", { receipt: true });
  const message = FakeSocket.last.takes("message");
  expect(message).toMatchObject({ to: "m_bo", data: "hi", receipt: true });
  await FakeSocket.last.says({ type: "ok", re: message["id"] });
  await FakeSocket.last.says({ type: "receipt", of: message["id"], status: "delivered" });
  expect(await fate).toBe("delivered");
  void room.send("hi", "m_bo");
  expect(FakeSocket.last.takes("message")).not.toHaveProperty("receipt");
});

test("a room may allow nothing but relays", async () => {
  FakePeer.install();
  const { room } = await joined([BO], { connect: true }, { ice_transport_policy: "relay" });
  expect(room.relayOnly).toBe(true);
  expect(FakePeer.last.configuration).toMatchObject({ iceTransportPolicy: "relay" });
});

test("without WebRTC, joining says so", async () => {
  const { client } = await connected();
  await expect(client.join("lab")).rejects.toMatchObject({ code: "not_supported" });
});

test("a token that can be renewed is renewed in good time", async () => {
  let count = 0;
  const token = () => `t${(count += 1)}`;
  const client = new Client("http://test/v1/ws", { token });
  void client.connect();
  await settle();
  await FakeSocket.last.welcomes({ token_ttl_s: 100, heartbeat_s: 1000 });
  await vi.advanceTimersByTimeAsync(79_000);
  expect(FakeSocket.last.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  const first = FakeSocket.last.takes("token");
  expect(first).toMatchObject({ token: "t2" });
  const servers = [{ urls: ["turn:192.0.2.1"], username: "u", credential: "c" }];
  await FakeSocket.last.says({
    type: "ice_servers",
    ice_servers: servers,
    ice_transport_policy: "relay",
  });
  expect(client.iceConfiguration).toEqual({ iceServers: servers, iceTransportPolicy: "relay" });
  await FakeSocket.last.says({ type: "ok", re: first["id"], token_ttl_s: 200 });
  await vi.advanceTimersByTimeAsync(160_000);
  const second = FakeSocket.last.takes("token");
  expect(second).toMatchObject({ token: "t3" });
  // Refused: what runs goes on, and the next one is tried soon.
  const refusal = { type: "error", code: "unauthorized", message: "not valid" };
  await FakeSocket.last.says({ ...refusal, re: second["id"] });
  expect(client.state.status).toBe("open");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(FakeSocket.last.takes("token")).toMatchObject({ token: "t4" });
  client.close();
  await vi.advanceTimersByTimeAsync(1_000_000);
  expect(count).toBe(4);
});

test("a token that is a text is shown again only when asked", async () => {
  const client = new Client("http://test/v1/ws", { token: "t" });
  void client.connect();
  await settle();
  await FakeSocket.last.welcomes({ token_ttl_s: 100, heartbeat_s: 1000 });
  await vi.advanceTimersByTimeAsync(200_000);
  expect(FakeSocket.last.sent).toEqual([]);
  const refreshed = client.refreshToken();
  await settle();
  const token = FakeSocket.last.takes("token");
  expect(token).toMatchObject({ token: "t" });
  const refusal = { type: "error", code: "token_expired", message: "the token has expired" };
  const refused = expect(refreshed).rejects.toMatchObject({ code: "token_expired" });
  await FakeSocket.last.says({ ...refusal, re: token["id"] });
  await refused;
});

test("without a token there is none to refresh", async () => {
  const { client } = await connected();
  await expect(client.refreshToken()).rejects.toMatchObject({ code: "token" });
});

test("who was put out of a room is told why, and does not come back by itself", async () => {
  for (const reason of ["replaced", "not_allowed"]) {
    const { room, client } = await joined();
    let closed: unknown;
    room.on("closed", ({ error }) => (closed = error));
    const left = { type: "left", room: "lab", reason };
    await FakeSocket.last.says({ ...left, member: "m_of_before" });
    expect(room.status).toBe("joined");
    await FakeSocket.last.says({ ...left, member: "m_1" });
    expect(room.status).toBe("closed");
    expect(closed).toMatchObject({ code: reason });
    expect(client.state.status).toBe("open");
    await FakeSocket.last.ends(1006);
    const again = await reconnected();
    expect(again.sent).toEqual([]);
    client.close();
  }
});
