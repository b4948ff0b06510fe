import { expect, test, vi } from "vitest";
import { Client } from "../src/client.js";
import { FakePeer } from "./fake-peer.js";
import { FakeSocket, settle } from "./fake-socket.js";
import type { Frame } from "./fake-socket.js";
import { useFakes } from "./fakes.js";

useFakes();

const BO = { member: "m_bo", identity: "bo", name: "Bo", meta: {}, polite: false };
const LAB = { room: "lab", kind: "mesh", capacity: 16, member: "m_1", members: [BO], version: 7 };

/** In the room "lab" as m_1, with a connection to Bo. */
async function joined() {
  const client = new Client("ws://test/v1/ws");
  void client.connect();
  await settle();
  await FakeSocket.last.welcomes();
  const joining = client.join("lab", { channels: ["chat"] });
  await settle();
  await FakeSocket.last.says({ type: "joined", re: FakeSocket.last.takes("join")["id"], ...LAB });
  const room = await joining;
  await settle();
  const [connection] = room.connections;
  if (connection === undefined) {
    throw new Error("no connection was begun");
  }
  return { room, connection, peer: FakePeer.last };
}

/** What was reported since the last time. */
async function takeReports(): Promise<Frame[]> {
  await vi.advanceTimersByTimeAsync(1000);
  return FakeSocket.last.sent.splice(0).filter(({ type }) => type === "report");
}

test("the server hears how a connection is getting on", async () => {
  const { connection, peer } = await joined();
  peer.becomes("connecting");
  const address = { room: "lab", to: "m_bo", connection: connection.id };
  expect(await takeReports()).toMatchObject([{ ...address, state: "checking" }]);
  peer.becomes("connected");
  expect(await takeReports()).toMatchObject([{ ...address, state: "connected", setup_ms: 1000 }]);
});

test("no path in good time is a failure, though ICE says nothing", async () => {
  const { peer } = await joined();
  expect(await takeReports()).toEqual([]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(peer.iceConnectionState).toBe("new");
  expect(await takeReports()).toMatchObject([{ state: "failed" }]);
});

test("what is replaced is reported closed; whoever leaves says no more", async () => {
  const { room, connection } = await joined();
  room.setRelayOnly(true);
  expect(await takeReports()).toMatchObject([{ connection: connection.id, state: "closed" }]);
  room.leave();
  expect(await takeReports()).toEqual([]);
});

test("an older server is told nothing more, another one may know what it is", async () => {
  const { room, peer } = await joined();
  const refused: unknown[] = [];
  room.on("refused", ({ error }) => refused.push(error));
  peer.becomes("connecting");
  const [report] = await takeReports();
  await FakeSocket.last.says({ type: "error", re: report?.["id"], code: "unknown_type" });
  peer.becomes("connected");
  expect([await takeReports(), refused]).toEqual([[], []]);

  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  await FakeSocket.last.welcomes();
  await FakeSocket.last.says({ type: "joined", re: FakeSocket.last.takes("join")["id"], ...LAB });
  peer.becomes("disconnected");
  expect(await takeReports()).toMatchObject([{ state: "disconnected" }]);
});

const STORY = {
  id: "t_1",
  room: "lab",
  connection: "k1",
  members: [
    { member: "m_1", name: "Ada", ice: "connected", candidates: { host: 2, srflx: 1, relay: 1 } },
    { member: "m_bo", name: "Bo", candidates: { host: 0, srflx: 0, relay: 0 } },
  ],
  state: "connected",
  path: "direct",
  setup_ms: 412,
  began_unix_ms: 1795226400000,
  dropped: 0,
  timeline: [{ at_ms: 0, who: "m_1", what: "offer" }],
  verdict: { class: "connected_direct", sure: "certain", cause: "…", cure: "" },
};

test.each([
  ["of a connection", true],
  ["of the newest connection with somebody", false],
])("asks why: the story %s", async (_, named) => {
  const { room, connection } = await joined();
  FakeSocket.last.sent.splice(0);
  const asked = named ? connection.why() : room.why("m_bo");
  const why = FakeSocket.last.takes("why");
  const one = named ? { connection: connection.id } : {};
  expect(why).toEqual({ type: "why", id: why["id"], ack: 2, room: "lab", to: "m_bo", ...one });
  await FakeSocket.last.says({ type: "story", re: why["id"], story: STORY });
  expect(await asked).toEqual(STORY);
});

test("a server that tells no stories says so", async () => {
  const { connection } = await joined();
  FakeSocket.last.sent.splice(0);
  const refused = expect(connection.why()).rejects.toMatchObject({ code: "unknown_type" });
  const { id } = FakeSocket.last.takes("why");
  await FakeSocket.last.says({ type: "error", re: id, code: "unknown_type", message: "" });
  await refused;
});
