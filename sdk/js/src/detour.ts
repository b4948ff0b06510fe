import { selectedPair } from "./path.js";
import type { StatisticsEntry } from "./path.js";

/**
 * Finds a connection that is relayed without need, and has ICE try again.
 *
 * Aggressive nomination (RFC 5245 §8.1.1.2, Firefox to this day) takes the first pair that answers
 * and drops every check that still waits (§8.1.2). Where the relay answers while two NATs are being
 * opened, the direct way is lost although it works, and only the other side, whose checks go on,
 * can see that.
 *
 * ```text
 *  connected ──▶ look ──▶ relayed, and a direct pair answers ──▶ restart ICE ──▶ look …
 *                  └────▶ anything else: good as it is
 * ```
 */
export class Detour {
  readonly #peer: RTCPeerConnection;
  readonly #shorten: () => void;
  #looks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `shorten` restarts ICE; media goes on over the relay until the new pair is there. */
  constructor(peer: RTCPeerConnection, shorten: () => void) {
    this.#peer = peer;
    this.#shorten = shorten;
  }

  /** Packets flow, for the first time or again. The polite side lets the other look first. */
  connected(polite: boolean): void {
    this.close();
    this.#looks = 0;
    this.#lookAfter(LOOK_MS + (polite ? POLITE_PATIENCE_MS : 0));
  }

  /** Stops looking. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #lookAfter(pauseMs: number): void {
    this.#timer = setTimeout(() => void this.#look(), pauseMs);
  }

  async #look(): Promise<void> {
    const report = await this.#peer.getStats();
    if (this.#peer.connectionState !== "connected" || !isDetour(report)) {
      return;
    }
    this.#looks += 1;
    this.#shorten();
    if (this.#looks < RESTARTS_MAX) {
      this.#lookAfter(AGAIN_MS);
    }
  }
}

/** The selected pair is relayed while another one, relayed at neither end, answers. */
export function isDetour(report: RTCStatsReport): boolean {
  const entries = [...report.values()] as StatisticsEntry[];
  const typeOf = (id?: string) => entries.find((entry) => entry.id === id)?.candidateType;
  const selected = selectedPair(entries);
  const types = [typeOf(selected?.localCandidateId), typeOf(selected?.remoteCandidateId)];
  return types.includes("relay") && entries.some((entry) => isDirect(entry, typeOf));
}

/** Only what the other side told of itself: what it is found to be may be its relay. */
function isDirect(entry: StatisticsEntry, typeOf: (id?: string) => string | undefined): boolean {
  const local = typeOf(entry.localCandidateId);
  const remote = typeOf(entry.remoteCandidateId);
  return (
    entry.type === "candidate-pair" &&
    entry.state === "succeeded" &&
    local !== undefined &&
    local !== "relay" &&
    (remote === "host" || remote === "srflx")
  );
}

const LOOK_MS = 2000;
const POLITE_PATIENCE_MS = 3000;
const AGAIN_MS = 8000;
const RESTARTS_MAX = 3;
