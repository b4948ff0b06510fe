import { userNameFragments } from "./sdp.js";
import type { Candidate, Description } from "./protocol.js";

/** What a negotiation needs from its surroundings. */
export interface NegotiationLink {
  sendDescription(negotiation: number, description: Description): void;
  sendCandidate(candidate: Candidate): void;
  /** Called before candidates are gathered anew: the time to apply renewed ICE servers. */
  beforeGathering(): void;
  failed(error: unknown): void;
}

/**
 * Perfect negotiation (W3C WebRTC §10.7) of one `RTCPeerConnection`, with the parts given by the
 * server.
 *
 * Everything runs one after the other in a queue, so the signaling state at the start of a step
 * is the whole truth: an offer that meets any state but `stable` collides.
 *
 * ```text
 *              ┌── offer sent ──▶ have-local-offer ── answer of that number ──┐
 *   stable ────┤                    │ colliding offer: polite rolls back,     ├──▶ stable
 *              │                    ▼ impolite ignores it                     │
 *              └── offer came ──▶ have-remote-offer ── answer sent ───────────┘
 * ```
 */
export class Negotiation {
  readonly #peer: RTCPeerConnection;
  readonly #link: NegotiationLink;
  #polite: boolean;
  /** Waits for the first offer of the other side before it makes one of its own. */
  #held: boolean;
  #queue: Promise<void> = Promise.resolve();
  /** The highest number used by either side. */
  #number = 0;
  #candidates: Candidate[] = [];

  constructor(peer: RTCPeerConnection, link: NegotiationLink, begins: boolean, polite: boolean) {
    this.#peer = peer;
    this.#link = link;
    this.#held = !begins;
    this.#polite = polite;
    peer.onnegotiationneeded = () => this.#enqueue(() => this.#offer());
    // In the queue, so that a candidate never overtakes the description it belongs to.
    peer.onicecandidate = ({ candidate }) => this.#enqueue(() => this.#gathered(candidate));
  }

  /** A description of the other side. */
  receiveDescription(number: number, description: Description): void {
    this.#enqueue(() =>
      description.type === "offer"
        ? this.#receiveOffer(number, description)
        : this.#receiveAnswer(number, description),
    );
  }

  /** A candidate of the other side; kept until its description is there. */
  receiveCandidate(candidate: Candidate): void {
    this.#enqueue(() => this.#addCandidate(candidate));
  }

  /** Gathers anew and connects again, with the newest ICE servers. */
  restart(): void {
    this.#enqueue(async () => {
      await this.#takeBack();
      this.#link.beforeGathering();
      this.#peer.restartIce();
    });
  }

  /** Goes on after one side was away: what was in flight is lost, the parts may have changed. */
  rebind(polite: boolean, offer: boolean): void {
    this.#polite = polite;
    this.#enqueue(async () => {
      await this.#takeBack();
      if (offer) {
        await this.#offer();
      }
    });
  }

  /** The offer of this number, the newest one unless it is told, was lost or its answer: again. */
  offerAgain(number: number = this.#number): void {
    this.#enqueue(async () => {
      if (number === this.#number && this.#peer.signalingState === "have-local-offer") {
        await this.#takeBack();
        await this.#offer();
      }
    });
  }

  #enqueue(step: () => Promise<void> | void): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#peer.signalingState === "closed") {
        return;
      }
      try {
        await step();
      } catch (error) {
        this.#link.failed(error);
      }
    });
  }

  async #offer(): Promise<void> {
    // Not now means not lost: the browser asks again when the state is stable.
    if (this.#held || this.#peer.signalingState !== "stable") {
      return;
    }
    await this.#peer.setLocalDescription();
    this.#number += 1;
    this.#sendLocalDescription();
  }

  async #receiveOffer(number: number, description: Description): Promise<void> {
    const collides = this.#peer.signalingState !== "stable";
    if (collides && !this.#polite) {
      return;
    }
    this.#held = false;
    this.#number = Math.max(this.#number, number);
    if (this.#startsOver(description)) {
      this.#link.beforeGathering();
    }
    await this.#peer.setRemoteDescription(description);
    await this.#addKept();
    await this.#peer.setLocalDescription();
    this.#link.sendDescription(number, plain(this.#peer.localDescription));
  }

  async #receiveAnswer(number: number, description: Description): Promise<void> {
    const state = this.#peer.signalingState;
    const answersNow = state === "have-local-offer" || state === "have-remote-pranswer";
    if (!answersNow || number !== this.#number || description.type === "rollback") {
      return;
    }
    await this.#peer.setRemoteDescription(description);
    await this.#addKept();
  }

  /** The other side restarts ICE with this offer. */
  #startsOver(description: Description): boolean {
    const known = userNameFragments(this.#peer.remoteDescription?.sdp ?? "");
    const offered = userNameFragments(description.sdp ?? "");
    return known.size > 0 && ![...offered].some((fragment) => known.has(fragment));
  }

  async #takeBack(): Promise<void> {
    if (this.#peer.signalingState === "have-local-offer") {
      await this.#peer.setLocalDescription({ type: "rollback" });
    }
  }

  #sendLocalDescription(): void {
    this.#link.sendDescription(this.#number, plain(this.#peer.localDescription));
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    // The empty candidate ends a generation, `null` ends gathering and follows it.
    if (candidate?.candidate !== "") {
      this.#link.sendCandidate(candidate?.toJSON() ?? null);
    }
  }

  async #addKept(): Promise<void> {
    const kept = this.#candidates;
    this.#candidates = [];
    for (const candidate of kept) {
      await this.#addCandidate(candidate);
    }
  }

  async #addCandidate(candidate: Candidate): Promise<void> {
    const remote = this.#peer.remoteDescription;
    if (remote === null) {
      if (this.#candidates.length < KEPT_CANDIDATES_MAX) {
        this.#candidates.push(candidate);
      }
      return;
    }
    const fragment = candidate?.usernameFragment;
    if (fragment && !userNameFragments(remote.sdp).has(fragment)) {
      return;
    }
    try {
      await this.#peer.addIceCandidate(candidate);
    } catch {
      // One that cannot be used (of an ignored offer, or of a kind unknown here) costs one path.
    }
  }
}

function plain(description: RTCSessionDescription | null): Description {
  return { type: description?.type ?? "offer", sdp: description?.sdp ?? "" };
}

const KEPT_CANDIDATES_MAX = 256;
