import { expect, test, vi } from "vitest";
import { Client } from "../src/client.js";
import { judge } from "../src/nat.js";
import type { Gathered } from "../src/nat.js";
import { FakePeer } from "./fake-peer.js";
import { FakeSocket, settle } from "./fake-socket.js";
import { useFakes } from "./fakes.js";

const PORTS = ["stun:192.0.2.1:3478", "stun:192.0.2.1:3479"];
const ADDRESSES = [...PORTS, "stun:192.0.2.2:3478", "stun:192.0.2.2:3479"];
const NAMED = ["stun:turn.test:3478", "stun:turn.test:3479"];

/** A reflexive candidate, of a socket that the browser hides unless it is named. */
function reflexive(address: string, port: number, relatedPort = 0, relatedAddress = "0.0.0.0") {
  const candidate = `candidate:1 1 udp 1 ${address} ${port} typ srflx`;
  return { candidate, type: "srflx", protocol: "udp", address, port, relatedAddress, relatedPort };
}

const HOST = { candidate: "candidate:1 1 udp 1 a.local 1 typ host", type: "host", protocol: "udp" };
const HOST_TCP = { ...HOST, protocol: "tcp" };
const A = reflexive("203.0.113.7", 50_000);
const B = reflexive("203.0.113.7", 50_001);
const C = reflexive("203.0.113.7", 50_002);
const D = reflexive("203.0.113.7", 50_003);
const V6 = reflexive("2001:db8::7", 50_000);
const V6_REFUSED = { url: "stun:[2001:db8::1]:3478", address: null };
const V4_REFUSED = { url: "stun:192.0.2.1:3478", address: null };
const OF_V6 = { url: "stun:turn.test:3478", address: "[2001:db8::9]:5000" };

const address = "203.0.113.7";
const UNKNOWN = { mapping: "unknown" };
const INDEPENDENT = { mapping: "endpoint_independent", sure: "likely", address };
const NO_NAT = { mapping: "endpoint_independent", sure: "likely" };
const DEPENDENT = { mapping: "address_and_port_dependent", sure: "certain", address };

/** A reflexive candidate of the socket at this local address. */
const of = (local: string, port: number) => reflexive(address, port, 5000, local);

test.each([
  ["one port for two", PORTS, [HOST, A], {}, INDEPENDENT],
  ["two ports for two", PORTS, [HOST, A, B], {}, DEPENDENT],
  ["one for all of two addresses", ADDRESSES, [A], {}, { ...INDEPENDENT, sure: "certain" }],
  ["one each", ADDRESSES, [A, B], {}, { ...DEPENDENT, mapping: "address_dependent" }],
  ["four for four", ADDRESSES, [A, B, C, D], {}, DEPENDENT],
  ["a name", NAMED, [A], {}, INDEPENDENT],
  ["one has not answered", PORTS, [A], { complete: false }, { ...UNKNOWN, address }],
  ["but two have", PORTS, [A, B], { complete: false }, DEPENDENT],
  ["one says that it failed", PORTS, [A], { failures: [V4_REFUSED] }, { ...UNKNOWN, address }],
  ["what failed is IPv6", NAMED, [A], { failures: [OF_V6, V6_REFUSED] }, INDEPENDENT],
  ["both families", NAMED, [V6, A], {}, INDEPENDENT],
  ["IPv6 alone", NAMED, [V6], {}, { ...INDEPENDENT, address: "2001:db8::7" }],
  ["two sockets", PORTS, [of("10.0.0.1", 1), of("10.1.0.1", 2)], {}, INDEPENDENT],
  ["one socket", PORTS, [of("10.0.0.1", 1), of("10.0.0.1", 2)], {}, DEPENDENT],
  ["no NAT: reflexive is what is known", PORTS, [HOST], {}, NO_NAT],
  ["nothing is answered", PORTS, [HOST, HOST_TCP], { complete: false }, { ...UNKNOWN, udp: false }],
  ["the name is not found", NAMED, [HOST], { failures: [OF_V6] }, UNKNOWN],
  ["no UDP in this browser", PORTS, [HOST_TCP], {}, UNKNOWN],
  ["no network", PORTS, [], {}, UNKNOWN],
])("%s", (_, urls, candidates, more, expected) => {
  const gathered = { candidates, failures: [], complete: true, ...more } as unknown as Gathered;
  expect(judge(gathered, urls)).toEqual(expected);
});

useFakes();

/** In the room "lab", alone, with a server that has two ports. */
async function joined(options = {}, fields = {}, welcome = {}) {
  const client = new Client("ws://test/v1/ws");
  const joining = client.join("lab", options);
  await settle();
  await FakeSocket.last.welcomes({ nat_probe: { urls: PORTS }, ...welcome });
  await says("joined", FakeSocket.last.takes("join")["id"], { member: "m_1", ...fields });
  return { client, room: await joining };
}

async function says(type: string, re: unknown, fields = {}): Promise<void> {
  await FakeSocket.last.says({ type, re, room: "lab", members: [], version: 7, ...fields });
}

/** The probe that is under way ends with these. */
async function gathers(...candidates: object[]): Promise<void> {
  for (const candidate of [...candidates, null]) {
    FakePeer.last.gathers(candidate as RTCIceCandidateInit | null);
  }
  await settle();
}

function expectQuiet(): void {
  expect(FakeSocket.last.sent).toEqual([]);
}

test("it is found out after the join, and told", async () => {
  const { client } = await joined();
  expectQuiet();
  expect(FakePeer.last.configuration).toEqual({ iceServers: [{ urls: PORTS }] });
  await gathers(HOST, A);
  expect(FakePeer.last.isClosed).toBe(true);
  expect(client.nat).toEqual(INDEPENDENT);
  expect(FakeSocket.last.takes("update")).toMatchObject({ room: "lab", nat: INDEPENDENT });
});

test("once for all rooms", async () => {
  const { client } = await joined();
  await gathers(HOST, A);
  FakeSocket.last.takes("update");
  void client.join("den");
  await settle();
  await says("joined", FakeSocket.last.takes("join")["id"], { room: "den", member: "m_2" });
  expect(FakeSocket.last.takes("update")).toMatchObject({ room: "den", nat: INDEPENDENT });
  expect(FakePeer.all).toHaveLength(1);
});

test("who does not answer is not waited for long", async () => {
  const { client } = await joined();
  FakePeer.last.gathers(HOST);
  await vi.advanceTimersByTimeAsync(5000);
  expect(client.nat).toEqual({ ...UNKNOWN, udp: false });
  expect(FakePeer.last.isClosed).toBe(true);
});

test.each([
  ["by this device", { relayOnly: true }, {}, {}],
  ["by the room", {}, { ice_transport_policy: "relay" }, {}],
  ["by the token", {}, {}, { ice_transport_policy: "relay" }],
  ["nobody connects", { connect: false }, {}, {}],
  ["no second port", {}, {}, { nat_probe: undefined }],
])("nothing is found out and told: %s", async (_, options, fields, welcome) => {
  await joined(options, fields, welcome);
  expect(FakePeer.all).toEqual([]);
  expectQuiet();
});

test("relays only takes it back, and all paths tell it again", async () => {
  const { room } = await joined();
  await gathers(HOST, A);
  FakeSocket.last.takes("update");
  room.setRelayOnly(true);
  expect(FakeSocket.last.takes("update")).toMatchObject({ nat: null });
  room.setRelayOnly(false);
  expect(FakeSocket.last.takes("update")).toMatchObject({ nat: INDEPENDENT });
  expect(FakePeer.all).toHaveLength(1);
});

test("a connection that was lost may mean another network", async () => {
  await joined();
  await gathers(HOST, A);
  FakeSocket.last.takes("update");
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(500);
  await FakeSocket.last.resumes({ nat_probe: { urls: PORTS } });
  await says("pong", FakeSocket.last.takes("ping")["id"]);
  FakeSocket.last.takes("update"); // that was not answered
  expect(FakePeer.all).toHaveLength(2);
  await gathers(HOST, A);
  expectQuiet();
  await FakeSocket.last.ends(1006);
  await vi.advanceTimersByTimeAsync(500);
  await FakeSocket.last.resumes({ nat_probe: { urls: PORTS } });
  await says("pong", FakeSocket.last.takes("ping")["id"]);
  FakeSocket.last.takes("update");
  await gathers(HOST, A, B);
  expect(FakeSocket.last.takes("update")).toMatchObject({ nat: DEPENDENT });
});

test("how the others are expected to be reached", async () => {
  const nat = { mapping: "endpoint_independent", sure: "likely" };
  const prediction = { path: "direct", sure: "likely" };
  const bo = { member: "m_bo", identity: "bo", name: "Bo", meta: {}, polite: true };
  const { room } = await joined({ connect: false }, { members: [{ ...bo, nat, prediction }] });
  expect(room.members.get("m_bo")).toMatchObject({ nat, prediction });
});
