import { KopruError } from "./errors.js";
import type { Receipt } from "./protocol.js";

/** What became of a message. */
export type Fate = Receipt["status"];

/** Messages of one session, by id, whose sender waits to hear what became of them. */
export class Receipts {
  readonly #waiting = new Map<string, Waiting>();

  /** What becomes of the message of this id. */
  of(id: string): Promise<Fate> {
    const fate = new Promise<Fate>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // Whoever asked may have heard of a refusal instead.
    fate.catch(() => undefined);
    return fate;
  }

  /** The server told it. */
  came({ of, status }: Receipt): void {
    this.#waiting.get(of)?.resolve(status);
    this.#waiting.delete(of);
  }

  /** This message was refused: nothing becomes of it. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** What was told may be among what was lost. */
  lose(): void {
    const error = new KopruError("disconnected", "what became of it was told to nobody");
    for (const { reject } of this.#waiting.values()) {
      reject(error);
    }
    this.#waiting.clear();
  }
}

interface Waiting {
  resolve: (fate: Fate) => void;
  reject: (error: KopruError) => void;
}
