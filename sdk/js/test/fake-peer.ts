import { vi } from "vitest";

/**
 * An `RTCPeerConnection` that follows the states of the specification and connects to nothing.
 * Its descriptions have a fingerprint of its own and a user name fragment for each generation.
 */
export class FakePeer extends EventTarget {
  static all: FakePeer[] = [];
  readonly number: number;
  configuration: RTCConfiguration;
  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  iceConnectionState: RTCIceConnectionState = "new";
  /** The entries of its statistics. */
  statistics: ({ id: string } & Record<string, unknown>)[] = [];
  localDescription: RTCSessionDescriptionInit | null = null;
  remoteDescription: RTCSessionDescriptionInit | null = null;
  /** Candidates that were added, `null` for the end. */
  candidates: (RTCIceCandidateInit | null)[] = [];
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ontrack: unknown = null;
  ondatachannel: ((event: { channel: unknown }) => void) | null = null;
  #generation = 1;
  #needed = false;
  #rolledBack = false;
  #stableLocal: RTCSessionDescriptionInit | null = null;

  constructor(configuration: RTCConfiguration = {}) {
    super();
    this.configuration = configuration;
    this.number = FakePeer.all.push(this);
  }

  static install(): void {
    FakePeer.all = [];
    vi.stubGlobal("RTCPeerConnection", FakePeer);
    vi.stubGlobal("MediaStream", class {});
  }

  /** The newest one. */
  static get last(): FakePeer {
    const last = FakePeer.all.at(-1);
    if (last === undefined) {
      throw new Error("no RTCPeerConnection was made");
    }
    return last;
  }

  get isClosed(): boolean {
    return this.signalingState === "closed";
  }

  createDataChannel(label: string): { label: string } {
    this.#negotiationNeeded();
    return { label };
  }

  addTransceiver(): void {
    this.#negotiationNeeded();
  }

  restartIce(): void {
    this.#generation += 1;
    this.#negotiationNeeded();
  }

  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  async setLocalDescription(description?: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve();
    if (description?.type === "rollback") {
      this.localDescription = this.#stableLocal;
      return this.#enter("stable");
    }
    const answers = this.signalingState === "have-remote-offer";
    this.#stableLocal = this.localDescription;
    this.localDescription = { type: answers ? "answer" : "offer", sdp: this.#sdp() };
    // An answer covers what was added before the offer came, but not an offer rolled back.
    this.#needed = answers && this.#rolledBack;
    this.#rolledBack &&= answers;
    this.#enter(answers ? "stable" : "have-local-offer");
  }

  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve();
    const offer = description.type === "offer";
    if (!offer && this.signalingState !== "have-local-offer") {
      throw new Error(`${description.type} in ${this.signalingState}`);
    }
    if (offer && this.signalingState === "have-local-offer") {
      // The implicit rollback; what was to be negotiated still is.
      this.localDescription = this.#stableLocal;
      this.#rolledBack = true;
    }
    this.remoteDescription = description;
    this.#enter(offer ? "have-remote-offer" : "stable");
  }

  async addIceCandidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    await Promise.resolve();
    this.candidates.push(candidate);
  }

  getReceivers(): unknown[] {
    return [];
  }

  async getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map(this.statistics.map((entry) => [entry.id, entry])));
  }

  close(): void {
    this.signalingState = "closed";
  }

  /** The network says how it is. */
  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.iceConnectionState = state === "connecting" ? "checking" : state;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
    this.onconnectionstatechange?.();
  }

  /** A candidate was gathered, of this type, or `null`. */
  gathers(init: RTCIceCandidateInit | null, type?: RTCIceCandidateType): void {
    const candidate = init && { ...init, ...(type && { type }), toJSON: () => init };
    this.onicecandidate?.({ candidate });
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
  }

  /** A server could not be used. */
  failsToGather(errorCode: number, url: string, errorText: string): void {
    const error = Object.assign(new Event("icecandidateerror"), { errorCode, url, errorText });
    this.dispatchEvent(error);
  }

  #sdp(): string {
    return describe(this.number, this.#generation);
  }

  #negotiationNeeded(): void {
    this.#needed = true;
    queueMicrotask(() => this.#tellNeeded());
  }

  #tellNeeded(): void {
    if (this.#needed && this.signalingState === "stable") {
      this.onnegotiationneeded?.();
    }
  }

  #enter(state: RTCSignalingState): void {
    this.signalingState = state;
    if (state === "stable") {
      queueMicrotask(() => this.#tellNeeded());
    }
  }
}

/** The description that peer `number` makes in this generation of ICE. */
export function describe(number: number, generation = 1): string {
  return `v=0\r\na=fingerprint:sha-256 AA:${number}\r\na=ice-ufrag:u${number}.${generation}\r\n`;
}
