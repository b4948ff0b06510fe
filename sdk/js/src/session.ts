import { Emitter } from "./emitter.js";
import { KopruError } from "./errors.js";
import { PROTOCOL_VERSION, readServerMessage } from "./protocol.js";
import type {
  Answers,
  Hello,
  IceServers,
  JsonObject,
  Refusal,
  Requests,
  RoomMessage,
  ServerMessage,
  Welcome,
} from "./protocol.js";
import { Receipts } from "./receipts.js";
import type { Fate } from "./receipts.js";
import { openTransport } from "./transport.js";
import type { Transport, TransportName } from "./transport.js";

/** What a session is opened with. */
export interface SessionOptions {
  url: string;
  transport: TransportName;
  token?: string | undefined;
  /** A lost session to take up again, if the server still has it. */
  former?: Session | undefined;
  capabilities: JsonObject;
  /** How long it may take until the session is open. */
  patienceMs?: number;
}

/** How a session ended. */
export interface SessionEnd {
  /** The close code of the protocol; 1006 when the connection was lost. */
  code: number;
  /** Why, when the server or this client said so. */
  error?: KopruError;
  /** How long to wait before the next connection, when the server said so. */
  retryAfterMs?: number;
}

interface SessionEvents {
  welcome: Welcome;
  /** Something the server said without being asked. */
  message: RoomMessage | IceServers;
  end: SessionEnd;
}

interface Pending {
  type: keyof Requests;
  frame: (ack: number) => string;
  resolve: (answer: ServerMessage) => void;
  reject: (error: KopruError) => void;
  deadline: ReturnType<typeof setTimeout>;
  /** On whose transport it was said. */
  saidBy?: Session | undefined;
}

/**
 * One session on one transport: sequence and acknowledgement, requests and their answers, the
 * heartbeat. When its transport is lost it waits for the next one to take it up: what has no
 * answer yet is asked again there. Opening that is the business of `Client`.
 *
 * ```text
 *  opening ── welcome ──▶ open ── lost ──▶ lost ── taken up, or not ──▶ over
 *     │                    └──── close(), fail() ────────────────────────▲
 *     └── end ───────────────────────────────────────────────────────────┘
 * ```
 */
export class Session extends Emitter<SessionEvents> {
  readonly #transport: Transport;
  readonly #former: Session | undefined;
  #phase: "opening" | "open" | "lost" | "over" = "opening";
  #pending = new Map<string, Pending>();
  /** The `ping` whose answer stands behind all answers that were missed. */
  #catchUpId: string | undefined;
  #nextId = 1;
  #receipts = new Receipts();
  #lastSeq = 0;
  /** What came since this client last said something, which told the server what it has seen. */
  #unsaid = { frames: 0, chars: 0 };
  #isAcknowledging = false;
  #resume = "";
  #lastRefusal: Refusal | undefined;
  #heartbeatMs = 25_000;
  #pingAt: ReturnType<typeof setTimeout> | undefined;
  #openingDeadline: ReturnType<typeof setTimeout>;

  constructor(options: SessionOptions) {
    super();
    this.#former = options.former;
    this.#transport = openTransport(options.transport, options.url, {
      opened: () => this.#transport.send(JSON.stringify(this.#hello(options))),
      received: (frame) => {
        this.#receive(frame);
        this.#acknowledge(frame);
      },
      ended: (code, retryAfterMs) => this.#end(code, undefined, retryAfterMs),
    });
    this.#openingDeadline = setTimeout(
      () => this.#end(CLOSE_LOST, new KopruError("timeout", "the server did not answer")),
      options.patienceMs ?? OPENING_TIMEOUT_MS,
    );
  }

  /** `welcome` came, and the end did not. */
  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** Its transport is lost, and another one may take it up. */
  get isLost(): boolean {
    return this.#phase === "lost";
  }

  /**
   * Sends a request and waits for its answer; waits and repeats when it came too soon, and asks
   * again when the session was lost and taken up.
   */
  request<T extends keyof Requests>(
    type: T,
    fields: Requests[T],
    timeoutMs: number = ANSWER_TIMEOUT_MS,
  ): Promise<Answers[T]> {
    return this.#ask(String(this.#nextId++), type, fields, timeoutMs);
  }

  /**
   * Sends something to one member and waits until the server tells what became of it: until that
   * member has acknowledged it, which may take long, or no longer can.
   */
  async receipt<T extends "description" | "message">(type: T, fields: Requests[T]): Promise<Fate> {
    const id = String(this.#nextId++);
    const fate = this.#receipts.of(id);
    try {
      await this.#ask(id, type, { ...fields, receipt: true }, ANSWER_TIMEOUT_MS);
    } catch (error) {
      this.#receipts.forget(id);
      throw error;
    }
    return fate;
  }

  /** Asks the server whether it is still there; without an answer in time the session ends. */
  probe(timeoutMs: number): void {
    this.request("ping", {}, timeoutMs).catch((error: KopruError) => {
      if (error.code === "timeout") {
        this.#end(CLOSE_LOST, new KopruError("disconnected", "the server fell silent"));
      }
    });
  }

  /** Gives its connection up, so that another one takes it up. */
  giveUp(): void {
    this.#end(CLOSE_LOST);
  }

  /** Ends the session for good because the server said something that can't be. */
  fail(what: string): void {
    this.#transport.close(CLOSE_NORMAL);
    this.#end(CLOSE_LOST, new KopruError("disconnected", `the server sent ${what}`));
    this.abandon();
  }

  /** Ends the session for good. The server lets its members leave. */
  close(): void {
    this.#transport.close(CLOSE_NORMAL);
    this.#end(CLOSE_NORMAL);
    this.abandon();
  }

  /** Nobody will take it up: what waits for an answer will get none. */
  abandon(): void {
    if (this.#phase !== "lost") {
      return;
    }
    this.#phase = "over";
    this.#receipts.lose();
    const over = new KopruError("disconnected", "the connection to the server ended");
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(over);
    }
  }

  #ask<T extends keyof Requests>(
    id: string,
    type: T,
    fields: Requests[T],
    timeoutMs: number,
  ): Promise<Answers[T]> {
    if (!this.isOpen && !(this.isLost && this.#pending.size < PENDING_MAX)) {
      return Promise.reject(new KopruError("disconnected", "not connected to the server"));
    }
    const pending = this.#pending;
    return new Promise<Answers[T]>((resolve, reject) => {
      const deadline = setTimeout(() => {
        pending.delete(id);
        reject(new KopruError("timeout", `no answer to ${type}`));
      }, timeoutMs);
      const frame = (ack: number) => JSON.stringify({ type, id, ack, ...fields });
      const answered = (answer: ServerMessage) => resolve(answer as Answers[T]);
      pending.set(id, { type, frame, resolve: answered, reject, deadline });
      this.#sayOn();
    });
  }

  #receive(frame: unknown): void {
    const message = readServerMessage(frame);
    if (message === undefined) {
      return this.fail("a frame that is not of this protocol");
    }
    if (message.type === "welcome") {
      return this.#welcome(message);
    }
    if (message.seq !== undefined && message.seq !== ++this.#lastSeq) {
      return this.fail("a gap in the sequence");
    }
    switch (message.type) {
      case "unknown":
        return;
      case "superseded":
        return;
      case "receipt":
        return this.#receipts.came(message);
      case "error":
        return this.#refused(message);
      case "pong":
        return message.re === this.#catchUpId
          ? this.#caughtUp()
          : this.#settle(message.re)?.resolve(message);
      case "ok":
      case "story":
        return this.#settle(message.re)?.resolve(message);
      case "joined":
      case "call":
        return message.re === undefined
          ? this.emit("message", message)
          : this.#settle(message.re)?.resolve(message);
      case "ice_servers":
        this.#settle(message.re)?.resolve(message);
        return this.emit("message", message);
      default:
        return this.emit("message", message);
    }
  }

  /** Says what has come, in good time before the server has to forget what it kept of it. */
  #acknowledge(frame: unknown): void {
    this.#unsaid.frames += 1;
    this.#unsaid.chars += (typeof frame === "string" ? frame : JSON.stringify(frame)).length;
    const { frames, chars } = this.#unsaid;
    const isTime = frames >= ACK_FRAMES || chars >= ACK_CHARS;
    if (isTime && this.isOpen && !this.#isAcknowledging) {
      this.#isAcknowledging = true;
      const done = () => (this.#isAcknowledging = false);
      this.request("ping", {}).then(done, done);
    }
  }

  #hello({ token, former, capabilities }: SessionOptions): Hello {
    return {
      type: "hello",
      v: PROTOCOL_VERSION,
      ...(token === undefined ? {} : { token }),
      ...(former === undefined ? {} : { resume: former.#resume, ack: former.#lastSeq }),
      capabilities,
    };
  }

  #welcome(welcome: Welcome): void {
    clearTimeout(this.#openingDeadline);
    this.#phase = "open";
    this.#lastSeq = welcome.seq;
    this.#resume = welcome.resume;
    this.#heartbeatMs = welcome.heartbeat_s * 1000;
    this.#schedulePing();
    this.#takeUp(welcome);
    this.emit("welcome", welcome);
  }

  /** Takes over what the former session had asked, if this is that session again. */
  #takeUp({ resumed, complete }: Welcome): void {
    const former = this.#former;
    if (former === undefined || !resumed) {
      return former?.abandon();
    }
    former.#phase = "over";
    this.#pending = former.#pending;
    this.#nextId = former.#nextId;
    this.#receipts = former.#receipts;
    if (!complete) {
      this.#receipts.lose();
    }
    if (this.#pending.size > 0) {
      // Said again at once, what was refused before would be tried once more.
      this.#catchUpId = String(this.#nextId++);
      this.#say(JSON.stringify({ type: "ping", id: this.#catchUpId, ack: this.#lastSeq }));
    }
  }

  #caughtUp(): void {
    this.#catchUpId = undefined;
    this.#sayOn();
  }

  #refused(refusal: Refusal): void {
    this.#lastRefusal = refusal;
    const pending = refusal.re === undefined ? undefined : this.#pending.get(refusal.re);
    if (pending === undefined) {
      return;
    }
    if (refusal.code === "rate_limited") {
      // Same id: a refused message was not done, and the server takes the repetition for it.
      const pauseMs = (refusal.retry_after_s ?? 1) * 1000;
      setTimeout(() => this.#sayAgain(pending), pauseMs);
      return;
    }
    this.#settle(refusal.re)?.reject(KopruError.refused(refusal));
  }

  #settle(id: string | undefined): Pending | undefined {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id !== undefined && pending !== undefined) {
      this.#pending.delete(id);
      clearTimeout(pending.deadline);
      this.#sayOn();
    }
    return pending;
  }

  #sayAgain(pending: Pending): void {
    pending.saidBy = undefined;
    this.#sayOn();
  }

  /** Says what was not said yet, in order, no more than the server knows when it is repeated. */
  #sayOn(): void {
    if (!this.isOpen || this.#catchUpId !== undefined) {
      return;
    }
    let underWay = 0;
    for (const pending of this.#pending.values()) {
      if (underWay++ === UNANSWERED_MAX) {
        return;
      }
      if (pending.saidBy !== this) {
        pending.saidBy = this;
        this.#say(pending.frame(this.#lastSeq));
      }
    }
  }

  #say(frame: string): void {
    this.#transport.send(frame);
    this.#unsaid = { frames: 0, chars: 0 };
    this.#schedulePing();
  }

  #schedulePing(): void {
    clearTimeout(this.#pingAt);
    this.#pingAt = setTimeout(() => this.probe(this.#heartbeatMs), this.#heartbeatMs * 0.8);
  }

  #end(code: number, cause?: KopruError, retryAfterMs?: number): void {
    if (this.#phase === "lost" || this.#phase === "over") {
      return;
    }
    const wasOpen = this.isOpen;
    this.#phase = wasOpen ? "lost" : "over";
    clearTimeout(this.#openingDeadline);
    clearTimeout(this.#pingAt);
    this.#transport.close(CLOSE_GIVEN_UP);
    const refusal = wasOpen ? undefined : this.#lastRefusal;
    const error = cause ?? (refusal && KopruError.refused(refusal));
    const pauseMs = retryAfterMs ?? error?.retryAfterMs;
    this.emit("end", {
      code,
      ...(error === undefined ? {} : { error }),
      ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }),
    });
  }
}

/** Tells the server that this client does not come back. */
const CLOSE_NORMAL = 1000;
/** Tells it that this client may. */
const CLOSE_GIVEN_UP = 4000;
/** What browsers call a connection that was cut without a close frame. */
const CLOSE_LOST = 1006;
const OPENING_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 15_000;
/** Messages under way: `answered_ids_max` of the protocol. */
const UNANSWERED_MAX = 64;
/** A quarter of `replay_frames_max` and, in characters of up to three bytes, of its bytes most. */
const ACK_FRAMES = 64;
const ACK_CHARS = 64 * 1024;
/** So much is kept for a session that was lost: the candidates of a few connections. */
const PENDING_MAX = 256;
