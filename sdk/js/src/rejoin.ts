import { pause } from "./backoff.js";
import { KopruError } from "./errors.js";

/** What coming back to a room needs of it. */
export interface RejoinLink {
  /** Asks to be let in, and takes the answer. */
  join: () => Promise<void>;
  /** Refused, and asked again at `retryAt` (ms). */
  refused: (error: KopruError, retryAt: number) => void;
  /** Refused for good. */
  over: (error: KopruError) => void;
  /** Nobody knows whether it was done: only a new session can tell. */
  unsure: () => void;
}

/**
 * Comes back to a room after the session is over in which it was joined, as after a restart of the
 * server. That forgets rooms, and who may open none has to wait until somebody has; media does not
 * end for that.
 *
 * ```text
 *  in ── another session ──▶ asking ── joined ──▶ in
 *                             │  ▲
 *              no such room … ▼  │ a pause, longer each time
 *                            waiting
 * ```
 */
export class Rejoin {
  readonly #link: RejoinLink;
  #isIn = true;
  /** Requests without an answer; of those, one at most is of this session. */
  #asking = 0;
  #refusals = 0;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(link: RejoinLink) {
    this.#link = link;
  }

  /** The room was joined in this session, or in one that it takes up. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** Another session is open, in which the room is not joined. */
  begin(): void {
    this.#isIn = false;
    this.#refusals = 0;
    void this.#ask();
  }

  /** A session is taken up in which the room was not joined yet. */
  goOn(): void {
    if (this.#asking === 0) {
      void this.#ask();
    }
  }

  /** Asks no more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking += 1;
    try {
      await this.#link.join();
      this.#isIn = true;
    } catch (error) {
      this.#refused(error instanceof KopruError ? error : new KopruError("", String(error)));
    } finally {
      this.#asking -= 1;
    }
  }

  #refused(error: KopruError): void {
    if (this.#isStopped || error.code === "disconnected") {
      return;
    }
    if (error.code === "timeout") {
      return this.#link.unsure();
    }
    if (error.retryAfterMs === undefined && !PASSING.has(error.code)) {
      return this.#link.over(error);
    }
    const pauseMs = error.retryAfterMs ?? pause(this.#refusals++, Math.random());
    this.#timer = setTimeout(() => void this.#ask(), pauseMs);
    this.#link.refused(error, Date.now() + pauseMs);
  }
}

/** What may change without this client: a room is made again, another device leaves. */
const PASSING: ReadonlySet<string> = new Set(["no_such_room", "identity_in_room"]);
