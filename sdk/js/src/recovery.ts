/** Where a connection stands, as people see it. */
export type Phase =
  /** Not connected yet. */
  | "connecting"
  | "connected"
  /** Was connected, or failed to; ICE is being restarted. */
  | "reconnecting"
  /** Several restarts were in vain. `restart()` tries once more. */
  | "failed"
  | "closed";

/** What recovery needs of the connection it watches. */
export interface RecoveryLink {
  restart(): void;
  phaseChanged(phase: Phase): void;
}

/**
 * Watches one `RTCPeerConnection` and restarts ICE when packets stop flowing.
 *
 * ```text
 *  connecting ──▶ connected ──▶ reconnecting ──▶ failed      every arrow to the right of
 *      │              ▲────────────┘  ▲            │         `connected` can be undone by
 *      └── too slow ──────────────────┘◀─ restart ─┘         ICE becoming connected again
 * ```
 */
export class Recovery {
  readonly #peer: RTCPeerConnection;
  readonly #link: RecoveryLink;
  #phase: Phase = "connecting";
  #restarts = 0;
  #wasConnected = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The polite side leaves the first restart to the other: one is enough. */
  polite: boolean;

  constructor(peer: RTCPeerConnection, polite: boolean, link: RecoveryLink) {
    this.#peer = peer;
    this.#link = link;
    this.polite = polite;
    peer.onconnectionstatechange = () => this.#changed();
    this.#restartAfter(CONNECT_TIMEOUT_MS);
  }

  /** Where the connection stands now. */
  get phase(): Phase {
    return this.#phase;
  }

  /** Packets have flowed at some time. */
  get wasConnected(): boolean {
    return this.#wasConnected;
  }

  /** Restarts now, and counts restarts from the beginning. */
  restart(): void {
    this.#restarts = 0;
    this.#restart();
  }

  /** Stops watching. */
  close(): void {
    clearTimeout(this.#timer);
    this.#peer.onconnectionstatechange = null;
    this.#enter("closed");
  }

  #changed(): void {
    switch (this.#peer.connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        this.#restarts = 0;
        this.#wasConnected = true;
        return this.#enter("connected");
      case "disconnected":
        this.#enter("reconnecting");
        return this.#restartAfter(DISCONNECTED_PATIENCE_MS);
      case "failed":
        this.#enter(this.#restarts < RESTARTS_MAX ? "reconnecting" : "failed");
        return this.#restartAfter(0);
      default:
        return;
    }
  }

  #restartAfter(pauseMs: number): void {
    clearTimeout(this.#timer);
    const courtesy = this.polite ? POLITE_PATIENCE_MS : 0;
    this.#timer = setTimeout(() => this.#tryAgain(), pauseMs + courtesy);
  }

  #tryAgain(): void {
    if (this.#restarts >= RESTARTS_MAX) {
      return this.#enter("failed");
    }
    this.#restart();
  }

  #restart(): void {
    if (this.#phase === "closed") {
      return;
    }
    this.#restarts += 1;
    this.#enter("reconnecting");
    this.#link.restart();
    this.#restartAfter(CONNECT_TIMEOUT_MS);
  }

  #enter(phase: Phase): void {
    if (this.#phase !== phase) {
      this.#phase = phase;
      this.#link.phaseChanged(phase);
    }
  }
}

const CONNECT_TIMEOUT_MS = 15_000;
const DISCONNECTED_PATIENCE_MS = 3000;
const POLITE_PATIENCE_MS = 3000;
const RESTARTS_MAX = 3;
