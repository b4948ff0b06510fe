import { vi } from "vitest";

/** A frame as a test writes or reads it. */
export type Frame = Record<string, unknown> & { type: string };

/** The WebSocket of the environment, with the test as its server. */
export class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  /** All that were opened, oldest first. */
  static all: FakeSocket[] = [];

  readonly url: string;
  readyState: number = FakeSocket.CONNECTING;
  closedWith: number | undefined;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  /** What was sent and not yet expected. */
  sent: Frame[] = [];
  #seq = 0;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  /** Puts it in place of the environment's, empty; there is no other transport. */
  static install(): void {
    FakeSocket.all = [];
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("fetch", undefined);
  }

  /** The newest one. */
  static get last(): FakeSocket {
    const last = FakeSocket.all.at(-1);
    if (last === undefined) {
      throw new Error("no WebSocket was opened");
    }
    return last;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Frame);
  }

  close(code: number): void {
    this.readyState = FakeSocket.CLOSED;
    this.closedWith = code;
  }

  /** The connection is there. */
  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  /** The server says something, with the next `seq` unless it brings one; lets answers settle. */
  async says(frame: Frame): Promise<void> {
    this.#seq += 1;
    await this.saysRaw(JSON.stringify({ seq: this.#seq, ...frame }));
  }

  async saysRaw(data: unknown): Promise<void> {
    this.onmessage?.({ data });
    await settle();
  }

  /** The connection ends. */
  async ends(code: number, reason = ""): Promise<void> {
    this.readyState = FakeSocket.CLOSED;
    this.onclose?.({ code, reason });
    await settle();
  }

  /** Opens, takes the `hello` and answers it. */
  async welcomes(fields: Record<string, unknown> = {}): Promise<Frame> {
    this.open();
    const hello = this.takes("hello");
    await this.says({ ...WELCOME, ...fields, type: "welcome" });
    return hello;
  }

  /** The same where the server still has the session, of which `seq` was acknowledged last. */
  async resumes(fields: Record<string, unknown> = {}): Promise<Frame> {
    this.open();
    const hello = this.takes("hello");
    this.#seq = Number(hello["ack"]);
    const welcome = { ...WELCOME, resumed: true, seq: this.#seq, ...fields, type: "welcome" };
    await this.saysRaw(JSON.stringify(welcome));
    return hello;
  }

  /** The oldest frame sent, which must be of this type. */
  takes(type: string): Frame {
    const frame = this.sent.shift();
    if (frame?.type !== type) {
      throw new Error(`expected ${type}, the client sent ${JSON.stringify(frame)}`);
    }
    return frame;
  }
}

/** Lets every promise that can go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await Promise.resolve();
  }
}

/** What a server says when nothing is special. */
export const WELCOME: Record<string, unknown> = {
  v: 1,
  session: "s_1",
  identity: "ada",
  resume: "r_1",
  resumed: false,
  complete: true,
  heartbeat_s: 25,
  ice_servers: [{ urls: ["stun:192.0.2.1:3478"] }],
  ice_ttl_s: 600,
  ice_transport_policy: "all",
};
