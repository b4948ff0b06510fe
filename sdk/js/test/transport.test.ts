import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "../src/client.js";
import { Session } from "../src/session.js";
import type { SessionEnd } from "../src/session.js";
import { TransportChoice } from "../src/transport.js";
import type { TransportName } from "../src/transport.js";
import { FakeHttp } from "./fake-http.js";
import { FakeSocket, WELCOME, settle } from "./fake-socket.js";

let http: FakeHttp;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.install();
  http = FakeHttp.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const welcome = { ...WELCOME, type: "welcome", seq: 1 };

async function open(transport: TransportName) {
  const session = new Session({ url: "wss://test/v1/ws", transport, token: "t", capabilities: {} });
  const ends: SessionEnd[] = [];
  session.on("end", (end) => ends.push(end));
  await settle();
  return { session, ends };
}

async function openStream() {
  const all = await open("events");
  await http.connects();
  await http.stream.says(welcome);
  return all;
}

test("over a stream: the token goes in a body, a ticket that is good once in the URL", async () => {
  const { session } = await open("events");
  expect(await http.connects()).toMatchObject({ type: "hello", token: "t" });
  expect(http.stream.url).toBe("https://test/v1/events?ticket=once");
  await http.stream.says(welcome);
  expect(session.isOpen).toBe(true);

  const answer = session.request("ping", {});
  const { authorization, body, answer: taken } = http.takes("/v1/messages");
  expect(authorization).toBe("Bearer secret");
  expect(JSON.parse(body)).toEqual({ type: "ping", id: "1", ack: 1 });
  await taken(204);
  await http.stream.says({ type: "pong", seq: 2, re: "1" });
  expect(await answer).toMatchObject({ type: "pong" });
});

test("one request at a time, with all that waits: so the order holds", async () => {
  const { session } = await openStream();
  for (const data of [1, 2, 3]) void session.request("message", { room: "lab", data });
  const first = http.takes("/v1/messages");
  expect(JSON.parse(first.body)).toMatchObject({ data: 1 });
  expect(http.requests).toEqual([]);
  await first.answer(204);
  const both = http.takes("/v1/messages").body.split("\n");
  expect(both.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ data: 2 }, { data: 3 }]);
});

test("a request that fails loses the connection, as a stream that breaks does", async () => {
  const first = await openStream();
  first.session.request("ping", {}).catch(() => undefined);
  await http.takes("/v1/messages").answer(404, { code: "no_such_connection" });
  expect(first.ends).toEqual([{ code: 1006 }]);
  expect(first.session.isLost).toBe(true);
  expect(http.stream.isClosed).toBe(true);

  const second = await openStream();
  await http.stream.breaks();
  expect(second.ends).toEqual([{ code: 1006 }]);
  expect(http.stream.isClosed).toBe(true);
  expect(http.beacons).toEqual([]);
});

test("the server's close code arrives", async () => {
  const { ends } = await openStream();
  await http.stream.ends(4409);
  expect(ends).toEqual([{ code: 4409 }]);
});

test("over polls: one waits all the time, and the last one says why", async () => {
  const { session, ends } = await open("poll");
  await http.connects();
  const first = http.takes("/v1/poll");
  expect(first.authorization).toBe("Bearer secret");
  await first.answer(200, { frames: [welcome] });
  expect(session.isOpen).toBe(true);
  await http.takes("/v1/poll").answer(200, { frames: [] });
  const close = { code: 1001, reason: "going_away" };
  await http.takes("/v1/poll").answer(200, { frames: [], close });
  expect(ends).toEqual([{ code: 1001 }]);
  expect(http.requests).toEqual([]);
});

test("whoever closes says goodbye when everything else is said", async () => {
  const { session } = await openStream();
  session.request("message", { room: "lab", data: 1 }).catch(() => undefined);
  session.close();
  expect(http.beacons).toEqual([]);
  await http.takes("/v1/messages").answer(204);
  expect(http.beacons).toEqual([{ url: "https://test/v1/goodbye", body: "secret" }]);
  expect(http.stream.isClosed).toBe(true);
});

test("the one that worked is tried twice again, then all in turn", () => {
  const choice = new TransportChoice(["websocket", "events", "poll"]);
  const tried: unknown[] = [];
  const fail = () => {
    tried.push(choice.next);
    choice.failed();
  };
  for (let time = 0; time < 4; time += 1) fail();
  expect(tried).toEqual(["websocket", "events", "poll", "websocket"]);
  choice.worked("poll");
  tried.length = 0;
  for (let time = 0; time < 5; time += 1) fail();
  expect(tried).toEqual(["poll", "poll", "websocket", "events", "poll"]);
  expect(new TransportChoice([]).next).toBeUndefined();
});

test("falls back where a WebSocket carries nothing, and stays with what worked", async () => {
  const client = new Client("wss://test/v1/ws");
  const connected = client.connect();
  await settle();
  // A proxy that opens it and swallows what is said.
  FakeSocket.last.open();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(client.state).toMatchObject({ status: "waiting" });
  await vi.advanceTimersByTimeAsync(1000);
  await http.connects();
  await http.stream.says(welcome);
  await connected;
  expect(client.transport).toBe("events");

  await http.stream.breaks();
  expect(client.transport).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1000);
  expect(FakeSocket.all).toHaveLength(1);
  expect(await http.connects()).toMatchObject({ resume: "r_1", ack: 1 });
  await http.stream.says({ ...welcome, resumed: true });
  expect(client.transport).toBe("events");
  client.close();
});

test("falls back to polls where there is neither WebSocket nor stream", async () => {
  vi.stubGlobal("WebSocket", function blocked() {
    throw new Error("blocked by a policy");
  });
  const client = new Client("wss://test/v1/ws");
  const connected = client.connect();
  await vi.advanceTimersByTimeAsync(1000);
  await http.connects();
  await http.stream.breaks();
  await vi.advanceTimersByTimeAsync(2000);
  await http.connects();
  await http.takes("/v1/poll").answer(200, { frames: [welcome] });
  await connected;
  expect(client.transport).toBe("poll");
  client.close();
  expect(http.beacons).toHaveLength(1);
});

test("an application may choose", async () => {
  const client = new Client("wss://test/v1/ws", { transports: ["poll"] });
  client.connect().catch(() => undefined);
  await settle();
  expect(FakeSocket.all).toEqual([]);
  await http.connects();
  http.takes("/v1/poll");
  client.close();
  const nothing = new Client("wss://test/v1/ws", { transports: [] });
  await expect(nothing.connect()).rejects.toMatchObject({ code: "not_supported" });
});
