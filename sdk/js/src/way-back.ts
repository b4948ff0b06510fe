import { GLANCE_MS, openTransport } from "./transport.js";
import type { TransportChoice, TransportName } from "./transport.js";

/** What looking for a better transport needs of the client. */
export interface WayBackLink {
  url: string;
  choice: TransportChoice;
  /** This one gets through again. */
  found: (name: TransportName) => void;
}

/**
 * Looks whether a better transport gets through again, beside a session that goes on over a lesser
 * one: at once where it was perhaps not the transport that failed but the server, else later.
 *
 * ```text
 *  open(better) ──▶ ping ──▶ any answer: the session moves there
 *       └── refused, or silent ──▶ once more after ten minutes
 * ```
 */
export class WayBack {
  readonly #link: WayBackLink;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts up when what is under way is of no interest any more. */
  #round = 0;

  constructor(link: WayBackLink) {
    this.#link = link;
  }

  /** A session is open. */
  begin(): void {
    this.rest();
    const { lookAgainMs } = this.#link.choice;
    if (lookAgainMs !== undefined) {
      this.#timer = setTimeout(() => void this.#look(this.#round), lookAgainMs);
    }
  }

  /** None is open, or none is wanted. */
  rest(): void {
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  async #look(round: number): Promise<void> {
    const { url, choice, found } = this.#link;
    for (const name of choice.better) {
      const isThrough = await getsThrough(name, url);
      if (round !== this.#round) {
        return;
      }
      if (isThrough) {
        return found(name);
      }
      choice.blocked(name);
    }
    this.begin();
  }
}

/** Whether the server is heard there: it answers whatever is said, without a session. */
function getsThrough(name: TransportName, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isThrough: boolean): void => {
      clearTimeout(deadline);
      transport.close(CLOSE_NORMAL);
      resolve(isThrough);
    };
    const deadline = setTimeout(() => end(false), GLANCE_MS);
    const transport = openTransport(name, url, {
      opened: () => transport.send(JSON.stringify({ type: "ping", id: "0" })),
      received: () => end(true),
      ended: () => end(false),
    });
  });
}

const CLOSE_NORMAL = 1000;
