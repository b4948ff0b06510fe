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
  choice.worked("websocket");
  tried.length = 0;
  for (let time = 0; time < 6; time += 1) fail();
  expect(tried).toEqual(["websocket", "websocket", "events", "poll", "websocket", "events"]);
  expect(new TransportChoice([]).next).toBeUndefined();
});

test.each([
  ["a WebSocket that is swallowed costs four seconds", () => undefined],
  ["so does one that opens and carries nothing", () => FakeSocket.last.open()],
])("%s, and nothing when the page is loaded again", async (_, open) => {
  const storage = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => storage.set(key, value),
  });
  const first = new Client("wss://test/v1/ws");
  const connected = first.connect();
  await settle();
  open();
  await vi.advanceTimersByTimeAsync(3999);
  expect(first.state.status).toBe("connecting");
  await vi.advanceTimersByTimeAsync(501);
  await http.connects();
  await http.stream.says(welcome);
  await connected;
  first.close();

  const again = new Client("wss://test/v1/ws");
  again.connect().catch(() => undefined);
  await settle();
  await http.connects();
  again.close();
  expect(FakeSocket.all).toHaveLength(1);

  // But not for ever: the device may be elsewhere.
  await vi.advanceTimersByTimeAsync(600_000);
  const later = new Client("wss://test/v1/ws");
  later.connect().catch(() => undefined);
  await settle();
  expect(FakeSocket.all).toHaveLength(2);
  later.close();
});

test("where all are slow each is waited for in the second round", () => {
  const choice = new TransportChoice(["websocket", "events", "poll"], "poll");
  const waits: unknown[] = [];
  for (let time = 0; time < 4; time += 1) {
    waits.push([choice.next, choice.patienceMs]);
    choice.failed();
  }
  expect(waits).toEqual([
    ["poll", 4000],
    ["websocket", 4000],
    ["events", 10_000],
    ["poll", 10_000],
  ]);
  choice.worked("events");
  expect([choice.next, choice.patienceMs]).toEqual(["events", 10_000]);
});

test("what worked and is swallowed all at once does not cost the session, which waits 30 s", () => {
  const choice = new TransportChoice(["websocket", "events", "poll"]);
  choice.worked("websocket");
  let lostMs = 0;
  while (choice.next === "websocket") {
    lostMs += choice.patienceMs;
    choice.failed();
  }
  expect([lostMs, choice.patienceMs]).toEqual([14_000, 4000]);
});

test.each([
  ["the first time: later", 1, undefined, 600_000],
  ["all had failed: at once", 4, undefined, 2000],
  ["a better one had worked before: at once", 2, "websocket", 2000],
  ["a lesser one had: later", 2, "poll", 600_000],
] as const)("on a stream, looks for a WebSocket; %s", (_, failures, before, lookAgainMs) => {
  const choice = new TransportChoice(["websocket", "events", "poll"]);
  if (before) choice.worked(before);
  for (let time = 0; time < failures; time += 1) choice.failed();
  choice.worked("events");
  expect(choice.better).toEqual(["websocket"]);
  expect(choice.lookAgainMs).toBe(lookAgainMs);
  choice.blocked("websocket");
  expect(choice.lookAgainMs).toBe(600_000);
  choice.worked("events");
  expect(choice.lookAgainMs).toBe(600_000);
  choice.worked("websocket");
  expect(choice.lookAgainMs).toBeUndefined();
});

/** On an event stream after an outage, on a WebSocket before. */
async function afterOutage() {
  const client = new Client("wss://test/v1/ws");
  client.connect().catch(() => undefined);
  await settle();
  await FakeSocket.last.welcomes();
  for (let time = 0; time < 3; time += 1) {
    await FakeSocket.last.ends(1006);
    await vi.advanceTimersByTimeAsync(2000);
  }
  await http.connects();
  await http.stream.says({ ...welcome, resume: "r_2", heartbeat_s: 100_000 });
  expect(client.transport).toBe("events");
  expect(FakeSocket.all).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(2000);
  expect(FakeSocket.all).toHaveLength(4);
  return { client, stream: http.stream };
}

test("after an outage the session goes back to a WebSocket, and loses nothing", async () => {
  const { client, stream } = await afterOutage();
  FakeSocket.last.open();
  expect(FakeSocket.last.takes("ping")).toEqual({ type: "ping", id: "0" });
  expect(client.transport).toBe("events");
  await stream.says({ ...welcome, type: "unheard_of", seq: 2 });
  const refusal = { type: "error", re: "0", code: "hello_first", message: "hello first" };
  await FakeSocket.last.saysRaw(JSON.stringify(refusal));
  expect(stream.isClosed).toBe(true);
  const [, , , looked, moved] = FakeSocket.all;
  expect(looked?.closedWith).toBe(1000);
  expect(await moved?.resumes()).toMatchObject({ resume: "r_2", ack: 2 });
  expect(client.transport).toBe("websocket");
  expect(http.beacons).toEqual([]);
  client.close();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(FakeSocket.all).toHaveLength(5);
});

test.each([
  ["refuses", () => FakeSocket.last.ends(1006)],
  ["swallows", () => vi.advanceTimersByTimeAsync(4000)],
])("where a proxy %s WebSockets the session stays, and looks now and then", async (_, act) => {
  const { client, stream } = await afterOutage();
  for (let times = 4; times < 7; times += 1) {
    expect(FakeSocket.all).toHaveLength(times);
    await act();
    await vi.advanceTimersByTimeAsync(599_999);
    expect(FakeSocket.all).toHaveLength(times);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(client.transport).toBe("events");
  expect(stream.isClosed).toBe(false);
  client.close();
});

test("the server says how long to wait, on each of them, and the client does", async () => {
  const told: unknown[] = [];
  const listen = (client: Client) => {
    client.on("state", (state) => {
      if (state.status === "waiting") told.push(state.retryAt - Date.now());
    });
    client.connect().catch(() => undefined);
    return settle();
  };
  vi.spyOn(Math, "random").mockReturnValue(0.25);
  const socket = new Client("wss://test/v1/ws", { transports: ["websocket"] });
  await listen(socket);
  await FakeSocket.last.welcomes();
  await FakeSocket.last.ends(1001, "going_away;retry_after_s=7");
  expect(told).toEqual([7250]);
  await vi.advanceTimersByTimeAsync(7249);
  expect(FakeSocket.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(FakeSocket.all).toHaveLength(2);
  socket.close();

  const events = new Client("wss://test/v1/ws", { transports: ["events"] });
  await listen(events);
  await http.connects();
  await http.stream.ends(1001, { retry_after_s: 3 });
  events.close();
  const poll = new Client("wss://test/v1/ws", { transports: ["poll"] });
  await listen(poll);
  const full = { code: "server_full", message: "the server has no place left" };
  await http.takes("/v1/connect").answer(503, full, { "retry-after": "12" });
  poll.close();
  expect(told).toEqual([7250, 3250, 12_250]);
  vi.restoreAllMocks();
});

test("an error that says how long to wait holds as well", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const client = new Client("wss://test/v1/ws", { transports: ["websocket"] });
  client.connect().catch(() => undefined);
  await settle();
  FakeSocket.last.open();
  const refusal = { type: "error", code: "server_full", message: "full", retry_after_s: 17 };
  await FakeSocket.last.saysRaw(JSON.stringify(refusal));
  await FakeSocket.last.ends(4503);
  const { state } = client;
  expect(state.status === "waiting" && state.retryAt - Date.now()).toBe(17_000);
  client.close();
  vi.restoreAllMocks();
});

test("falls back where a WebSocket carries nothing, and stays with what worked", async () => {
  const client = new Client("wss://test/v1/ws");
  const connected = client.connect();
  await settle();
  // A proxy that opens it and swallows what is said.
  FakeSocket.last.open();
  await vi.advanceTimersByTimeAsync(4000);
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
