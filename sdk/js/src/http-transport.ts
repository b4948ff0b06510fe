import type { Listener, Transport } from "./transport.js";

/**
 * Frames in requests and their answers, where a WebSocket can't be had. What is said goes in one
 * request after the other, so that its order holds; how answers are read is left to the two below.
 *
 * ```text
 *  send(hello) ──▶ POST connect ──▶ secret, ticket ──▶ read …
 *  send(…)     ──▶ POST messages, one at a time, all that waits in each
 *  close(1000) ──▶ POST goodbye
 * ```
 */
abstract class HttpTransport implements Transport {
  protected readonly listener: Listener;
  readonly #url: string;
  readonly #aborted = new AbortController();
  #waiting: string[] = [];
  #isSending = false;
  #secret: string | undefined;
  #phase: "going" | "leaving" | "over" = "going";

  constructor(url: string, listener: Listener) {
    this.#url = url.replace(/^ws/, "http");
    this.listener = listener;
    globalThis.addEventListener?.("pagehide", this.#onPageHide);
    queueMicrotask(() => this.isGoing && listener.opened());
  }

  send(frame: string): void {
    if (this.isGoing) {
      this.#waiting.push(frame);
      void this.#sendAll();
    }
  }

  close(code: number): void {
    if (!this.isGoing) {
      return;
    }
    this.#phase = "leaving";
    if (code !== CLOSE_NORMAL) {
      this.#over();
    } else if (!this.#isSending) {
      this.#sayGoodbye();
    }
  }

  /** Neither closed nor ended. */
  protected get isGoing(): boolean {
    return this.#phase === "going";
  }

  /** Ends because the connection did. */
  protected end({ code, retry_after_s }: Close): void {
    if (this.isGoing) {
      this.#over();
      this.listener.ended(code, retry_after_s === undefined ? undefined : retry_after_s * 1000);
    }
  }

  /** Where a path beside that of the WebSocket is. */
  protected address(name: string): string {
    return new URL(name, this.#url).href;
  }

  protected async post(name: string, body: string): Promise<unknown> {
    const headers = this.#secret === undefined ? {} : { authorization: `Bearer ${this.#secret}` };
    const { signal } = this.#aborted;
    const answer = await fetch(this.address(name), { method: "POST", headers, body, signal });
    if (!answer.ok) {
      throw refusal(answer);
    }
    return answer.status === NO_CONTENT ? undefined : await answer.json();
  }

  /** Reads what the server says until the end. */
  protected abstract read(ticket: string): void;
  /** Reads no more. */
  protected abstract stopReading(): void;

  async #sendAll(): Promise<void> {
    if (this.#isSending) {
      return;
    }
    this.#isSending = true;
    try {
      while (this.#phase !== "over" && this.#waiting.length > 0) {
        await this.#sendSome();
      }
    } catch (error) {
      this.end(closeOf(error));
    }
    this.#isSending = false;
    if (this.#phase === "leaving") {
      this.#sayGoodbye();
    }
  }

  async #sendSome(): Promise<void> {
    if (this.#secret !== undefined) {
      await this.post("messages", this.#takeSome());
      return;
    }
    const connected = (await this.post("connect", this.#waiting.shift() ?? "")) as Connected;
    this.#secret = connected.connection;
    if (this.isGoing) {
      this.read(connected.ticket);
    }
  }

  /** What fits into one request: a frame has no line breaks. */
  #takeSome(): string {
    let count = 1;
    let length = this.#waiting[0]?.length ?? 0;
    while (count < FRAMES_MAX && count < this.#waiting.length) {
      length += this.#waiting[count]?.length ?? 0;
      if (length > LENGTH_MAX) {
        break;
      }
      count += 1;
    }
    return this.#waiting.splice(0, count).join("\n");
  }

  #sayGoodbye(): void {
    this.#over();
    if (this.#secret === undefined) {
      return;
    }
    // A beacon outlives the page.
    const url = this.address("goodbye");
    const isOnItsWay = globalThis.navigator?.sendBeacon?.(url, this.#secret) ?? false;
    if (!isOnItsWay) {
      fetch(url, { method: "POST", body: this.#secret, keepalive: true }).catch(() => undefined);
    }
  }

  #over(): void {
    this.#phase = "over";
    globalThis.removeEventListener?.("pagehide", this.#onPageHide);
    this.stopReading();
    this.#aborted.abort();
  }

  /** A browser closes the WebSockets of a page that goes; this it leaves to the page. */
  readonly #onPageHide = (): void => {
    if (this.isGoing) {
      this.#sayGoodbye();
      this.listener.ended(CLOSE_LOST);
    }
  };
}

/** The server speaks in a stream of events. */
export class EventTransport extends HttpTransport {
  #events: EventSource | undefined;

  protected read(ticket: string): void {
    const events = new EventSource(this.address(`events?ticket=${ticket}`));
    this.#events = events;
    events.onmessage = ({ data }) => this.isGoing && this.listener.received(data);
    events.addEventListener("close", ({ data }: MessageEvent<string>) =>
      this.end(JSON.parse(data) as Close),
    );
    // It would come back by itself, with a ticket that is used up.
    events.onerror = () => this.end(LOST);
  }

  protected stopReading(): void {
    this.#events?.close();
  }
}

/** The server speaks when it is asked. */
export class PollTransport extends HttpTransport {
  protected read(): void {
    void this.#poll();
  }

  protected stopReading(): void {
    // Its requests are broken off with all others.
  }

  async #poll(): Promise<void> {
    try {
      while (this.isGoing) {
        const { frames, close } = (await this.post("poll", "")) as Polled;
        frames.forEach((frame) => this.isGoing && this.listener.received(frame));
        if (close !== undefined) {
          return this.end(close);
        }
      }
    } catch (error) {
      this.end(closeOf(error));
    }
  }
}

interface Connected {
  connection: string;
  ticket: string;
}

interface Close {
  code: number;
  retry_after_s?: number;
}

interface Polled {
  frames: unknown[];
  close?: Close;
}

/** A request that was refused, in the words of a close. */
class Refused extends Error {
  readonly close: Close;

  constructor(close: Close) {
    super(`refused: ${close.code}`);
    this.close = close;
  }
}

/** Whoever has no place says when to come again; anything else is as good as a lost connection. */
function refusal({ status, headers }: Response): Refused {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const isFull = status === SERVICE_UNAVAILABLE && Number.isFinite(seconds);
  return new Refused(isFull ? { code: CLOSE_SERVER_FULL, retry_after_s: seconds } : LOST);
}

function closeOf(error: unknown): Close {
  return error instanceof Refused ? error.close : LOST;
}

const CLOSE_NORMAL = 1000;
const CLOSE_LOST = 1006;
const CLOSE_SERVER_FULL = 4503;
const LOST: Close = { code: CLOSE_LOST };
const NO_CONTENT = 204;
const SERVICE_UNAVAILABLE = 503;
/** What a request takes, and well within what the server takes. */
const FRAMES_MAX = 32;
const LENGTH_MAX = 32 * 1024;
