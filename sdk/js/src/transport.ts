import { EventTransport, PollTransport } from "./http-transport.js";
import { SocketTransport } from "./socket-transport.js";

/** What carries a session: the same messages, one way or the other. */
export type TransportName = "websocket" | "events" | "poll";

/** Carries the frames of one connection. */
export interface Transport {
  /** Puts a frame in line. Before it is open, or after its end, nothing happens. */
  send(frame: string): void;
  /** Ends it without a word to whoever listens; 1000 tells the server that nobody comes back. */
  close(code: number): void;
}

/** What a transport tells. */
export interface Listener {
  /** Frames may be sent: the first one is the `hello`. */
  opened(): void;
  /** A frame: text, or what was parsed from it. */
  received(frame: unknown): void;
  /**
   * It has ended, with a close code of the protocol, or 1006; and how long to wait, where the
   * server said so. Nothing follows.
   */
  ended(code: number, retryAfterMs?: number): void;
}

/** Opens a transport. `url` is the WebSocket's; the other paths are beside it. */
export function openTransport(name: TransportName, url: string, listener: Listener): Transport {
  switch (name) {
    case "websocket":
      return new SocketTransport(url, listener);
    case "events":
      return new EventTransport(url, listener);
    case "poll":
      return new PollTransport(url, listener);
  }
}

/** Those that this environment has, the best one first. */
export function availableTransports(): TransportName[] {
  const has = (name: string) => typeof Reflect.get(globalThis, name) === "function";
  const all: [TransportName, boolean][] = [
    ["websocket", has("WebSocket")],
    ["events", has("EventSource") && has("fetch")],
    ["poll", has("fetch")],
  ];
  return all.filter(([, isThere]) => isThere).map(([name]) => name);
}

/**
 * Which transport the next connection is tried on: the one that worked, as long as it does not fail
 * twice; then the others, the best one first, and so on in turn.
 *
 * A proxy may swallow what it does not know. So in the first round none is waited for long; in the
 * second, where perhaps all are slow, as long as it takes.
 *
 * Where a lesser one works in the end, the better ones are not to blame if nothing worked for a
 * while, or if they did before: the server may have been away. `lookAgainMs` says when to look.
 */
export class TransportChoice {
  /** The best one first. */
  readonly #all: readonly TransportName[];
  /** What worked at another time. */
  readonly #first: TransportName | undefined;
  #worked: TransportName | undefined;
  /** Those that have carried a session, and were not found blocked since. */
  readonly #proven = new Set<TransportName>();
  #lookAgainMs: number | undefined;
  /** Since one has worked. */
  #failures = 0;

  /** `first`: what worked at another time, if it is one of them. */
  constructor(all: readonly TransportName[], first?: TransportName) {
    this.#all = all;
    this.#first = first !== undefined && all.includes(first) ? first : undefined;
  }

  /** How long the next one may take until a session is open. */
  get patienceMs(): number {
    const isKnown = this.#worked !== undefined;
    const last = this.#all.length - 1 + (isKnown ? FAILURES_FORGIVEN - 1 : 0);
    const isWaitedFor = (isKnown && this.#failures === 0) || this.#failures >= last;
    return isWaitedFor ? PATIENCE_MS : GLANCE_MS;
  }

  /** `undefined` when there is none at all. */
  get next(): TransportName | undefined {
    if (this.#worked !== undefined && this.#failures < FAILURES_FORGIVEN) {
      return this.#worked;
    }
    const turn = this.#worked === undefined ? this.#failures : this.#failures - FAILURES_FORGIVEN;
    const round = this.#worked === undefined ? this.#from(this.#first) : this.#upTo(this.#worked);
    return round[turn % round.length];
  }

  /** Those that are preferred to the one that works. */
  get better(): readonly TransportName[] {
    const at = this.#worked === undefined ? 0 : this.#all.indexOf(this.#worked);
    return this.#all.slice(0, Math.max(0, at));
  }

  /** When to look whether a better one gets through again; `undefined`: there is none. */
  get lookAgainMs(): number | undefined {
    return this.better.length === 0 ? undefined : this.#lookAgainMs;
  }

  /** A session is open on it. */
  worked(name: TransportName): void {
    const wasAway = this.#failures >= this.#all.length;
    this.#worked = name;
    this.#failures = 0;
    this.#proven.add(name);
    const isDoubtful = wasAway || this.better.some((one) => this.#proven.has(one));
    this.#lookAgainMs = isDoubtful ? SOON_MS : LATER_MS;
  }

  /** It could not be opened, or carried nothing. */
  failed(): void {
    this.#failures += 1;
  }

  /** It does not get through, though the server is there. */
  blocked(name: TransportName): void {
    this.#proven.delete(name);
    this.#lookAgainMs = LATER_MS;
  }

  /** It gets through: the next connection is to be there. */
  found(name: TransportName): void {
    this.#worked = name;
    this.#failures = 0;
  }

  #from(first: TransportName | undefined): readonly TransportName[] {
    return first === undefined ? this.#all : [first, ...this.#all.filter((one) => one !== first)];
  }

  #upTo(last: TransportName): readonly TransportName[] {
    return [...this.#all.filter((one) => one !== last), last];
  }
}

const FAILURES_FORGIVEN = 2;
/** Five round trips by satellite; where others are still to be tried. */
export const GLANCE_MS = 4000;
const PATIENCE_MS = 10_000;
/** A server that is just back has enough to do. */
const SOON_MS = 2000;
/** Devices move, and proxies are seldom set up anew. */
const LATER_MS = 10 * 60_000;
