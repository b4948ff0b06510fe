import { vi } from "vitest";
import { settle } from "./fake-socket.js";
import type { Frame } from "./fake-socket.js";

/** One request that waits for its answer. */
export interface FakeRequest {
  path: string;
  authorization: string | undefined;
  body: string;
  answer: (status: number, json?: unknown, headers?: Record<string, string>) => Promise<void>;
}

/** `fetch`, `EventSource` and beacons of the environment, with the test as their server. */
export class FakeHttp {
  /** Requests without an answer, oldest first. */
  readonly requests: FakeRequest[] = [];
  readonly streams: FakeEventSource[] = [];
  readonly beacons: { url: string; body: string }[] = [];

  /** Puts them in place of the environment's. */
  static install(): FakeHttp {
    const fake = new FakeHttp();
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => fake.#fetch(url, init));
    vi.stubGlobal(
      "EventSource",
      class extends FakeEventSource {
        constructor(url: string) {
          super(url);
          fake.streams.push(this);
        }
      },
    );
    const sendBeacon = (url: string, body: string) => fake.beacons.push({ url, body }) > 0;
    vi.stubGlobal("navigator", { sendBeacon });
    return fake;
  }

  /** The oldest request that waits, which must be for this path. */
  takes(path: string): FakeRequest {
    const request = this.requests.shift();
    if (request?.path !== path) {
      throw new Error(`expected ${path}, the client asked ${JSON.stringify(request)}`);
    }
    return request;
  }

  /** The newest stream. */
  get stream(): FakeEventSource {
    const stream = this.streams.at(-1);
    if (stream === undefined) {
      throw new Error("no stream was opened");
    }
    return stream;
  }

  /** Answers the request that opens a connection. */
  async connects(): Promise<Frame> {
    const request = this.takes("/v1/connect");
    await request.answer(200, { connection: "secret", ticket: "once" });
    return JSON.parse(request.body) as Frame;
  }

  #fetch(url: string, { headers, body, signal }: RequestInit): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request: FakeRequest = {
        path: new URL(url).pathname,
        authorization: new Headers(headers).get("authorization") ?? undefined,
        body: String(body),
        answer: async (status, json, headers = {}) => {
          const text = json === undefined ? null : JSON.stringify(json);
          resolve(new Response(text, { status, headers }));
          await settle();
        },
      };
      this.requests.push(request);
      signal?.addEventListener("abort", () => {
        const at = this.requests.indexOf(request);
        if (at >= 0) this.requests.splice(at, 1);
        reject(new Error("aborted"));
      });
    });
  }
}

/** A stream of events. */
export class FakeEventSource {
  readonly url: string;
  isClosed = false;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  #onClose: ((event: { data: string }) => void) | undefined;

  constructor(url: string) {
    this.url = url;
  }

  addEventListener(type: string, listener: (event: { data: string }) => void): void {
    if (type === "close") this.#onClose = listener;
  }

  close(): void {
    this.isClosed = true;
  }

  /** The server says something. */
  async says(frame: Frame & { seq: number }): Promise<void> {
    this.onmessage?.({ data: JSON.stringify(frame) });
    await settle();
  }

  /** The server closes. */
  async ends(code: number, more: Record<string, unknown> = {}): Promise<void> {
    this.#onClose?.({ data: JSON.stringify({ code, ...more }) });
    await settle();
  }

  /** The connection breaks. */
  async breaks(): Promise<void> {
    this.onerror?.();
    await settle();
  }
}
