/** A signaling token, or who gives one when it is asked. */
export type TokenSource = string | (() => string | Promise<string>);

/**
 * Where a client's tokens come from, and when the next one is due. Only a function has another one
 * to give: a token that is a text is shown until it ends.
 */
export class Tokens {
  readonly #source: TokenSource | undefined;
  readonly #renew: () => Promise<void>;
  #due: ReturnType<typeof setTimeout> | undefined;

  /** `renew` asks for a token and shows it to the server. */
  constructor(source: TokenSource | undefined, renew: () => Promise<void>) {
    this.#source = source;
    this.#renew = renew;
  }

  /** The token to show now. */
  async next(): Promise<string | undefined> {
    return typeof this.#source === "function" ? this.#source() : this.#source;
  }

  /** Renews in good time what has so many seconds left. */
  schedule(ttlS: number | undefined): void {
    if (ttlS !== undefined) {
      this.#after(ttlS * 1000 * RENEWED_AFTER);
    }
  }

  /** Renews nothing until there is a session again. */
  rest(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
  }

  #after(pauseMs: number): void {
    this.rest();
    if (typeof this.#source !== "function") {
      return;
    }
    const due = setTimeout(
      () => {
        // What runs goes on without a token, so there is no haste; and none after `rest()`.
        this.#renew().catch(() => this.#due === due && this.#after(RETRY_MS));
      },
      Math.min(Math.max(pauseMs, RETRY_MS), TIMER_MAX_MS),
    );
    this.#due = due;
  }
}

/** This part of its life over, a token is renewed. */
const RENEWED_AFTER = 0.8;
const RETRY_MS = 10_000;
/** A timer beyond that fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;
