import { Detour } from "./detour.js";
import { Emitter } from "./emitter.js";
import { Negotiation } from "./negotiation.js";
import { selectedPath } from "./path.js";
import type { Path } from "./path.js";
import { Recovery } from "./recovery.js";
import type { Phase } from "./recovery.js";
import { Reporter } from "./report.js";
import { fingerprints } from "./sdp.js";
import type { Member } from "./member.js";
import type { Candidate, Description, Report, Story } from "./protocol.js";

/** What this end contributes to a connection. */
export interface LocalMedia {
  /** Sent to the other side. */
  readonly stream?: MediaStream | undefined;
  /** Labels of data channels to open. */
  readonly channels: readonly string[];
}

/** What a connection tells. */
export interface ConnectionEvents {
  phase: Phase;
  /** A track of the other side; `stream` collects them. */
  track: MediaStreamTrack;
  /** A data channel, opened by either side; it may still be connecting. */
  channel: RTCDataChannel;
  /** Something that went wrong in a negotiation. The connection goes on. */
  error: unknown;
}

/** Where a connection stands and how its packets travel. */
export interface ConnectionState {
  phase: Phase;
  /** `undefined` while there is none. */
  path: Path | undefined;
}

/** What a connection needs to be made. */
export interface ConnectionSetup {
  id: string;
  member: Member;
  /** This side makes the first offer. */
  begins: boolean;
  local: LocalMedia;
  configuration: () => RTCConfiguration;
  send: ConnectionSend;
  /** Begins a new connection in place of this one, where ICE can't be restarted. */
  replace(connection: Connection): void;
}

/** Sends to the member a connection belongs to at that moment. */
export interface ConnectionSend {
  description(connection: Connection, negotiation: number, description: Description): void;
  candidate(connection: Connection, candidate: Candidate): void;
  report(connection: Connection, report: Report): void;
  why(connection: Connection): Promise<Story>;
}

/** One `RTCPeerConnection` to one member. */
export class Connection extends Emitter<ConnectionEvents> {
  /** Chosen by the side that began; both sides know it by this name. */
  readonly id: string;
  /** The connection itself, for whatever this class does not offer. */
  readonly peer: RTCPeerConnection;
  /** The media of the other side. */
  readonly stream: MediaStream = new MediaStream();
  readonly #setup: ConnectionSetup;
  readonly #negotiation: Negotiation;
  readonly #recovery: Recovery;
  readonly #detour: Detour;
  readonly #reporter: Reporter;
  readonly #channels = new Map<string, RTCDataChannel>();
  #member: Member;

  /** Made by `Room`, for each member. */
  constructor(setup: ConnectionSetup) {
    super();
    this.#setup = setup;
    this.id = setup.id;
    this.#member = setup.member;
    this.peer = new RTCPeerConnection(setup.configuration());
    const { begins, member, send } = setup;
    this.#reporter = new Reporter(this.peer, (report) => send.report(this, report));
    this.#recovery = new Recovery(this.peer, member.polite, {
      restart: () => this.#restartOrReplace(),
      phaseChanged: (phase) => this.#phaseChanged(phase),
    });
    this.#detour = new Detour(this.peer, () => this.#restartQuietly());
    this.#negotiation = new Negotiation(this.peer, this.#link(), begins, member.polite);
    this.peer.ontrack = ({ track }) => this.#addTrack(track);
    this.peer.ondatachannel = ({ channel }) => this.#addChannel(channel);
  }

  /** Who is at the other end, as known now. */
  get member(): Member {
    return this.#member;
  }

  /** This side made the first offer. */
  get begun(): boolean {
    return this.#setup.begins;
  }

  /** Where the connection stands. */
  get phase(): Phase {
    return this.#recovery.phase;
  }

  /** Packets have flowed at some time; else no way was ever found. */
  get wasConnected(): boolean {
    return this.#recovery.wasConnected;
  }

  /** The data channels by label. */
  get channels(): ReadonlyMap<string, RTCDataChannel> {
    return this.#channels;
  }

  /** The phase and the path, direct or relayed, with its round-trip time. */
  async state(): Promise<ConnectionState> {
    const live = this.peer.connectionState === "connected";
    const path = live ? await this.#path() : undefined;
    return { phase: this.phase, path };
  }

  /**
   * What became of it, as far as the server and both sides know.
   *
   * @throws KopruError with the server's code: `unknown_type` where the server tells no stories
   */
  why(): Promise<Story> {
    return this.#setup.send.why(this);
  }

  /** Restarts ICE with the newest ICE servers and policy. */
  restart(): void {
    this.#recovery.restart();
  }

  /** Adds what this end contributes; the first offer, or the answer to it, carries it. */
  contribute(): void {
    const { local, begins } = this.#setup;
    const tracks = local.stream?.getTracks() ?? [];
    for (const track of tracks) {
      this.peer.addTrack(track, ...(local.stream ? [local.stream] : []));
    }
    if (!begins) {
      return;
    }
    for (const label of local.channels) {
      this.#addChannel(this.peer.createDataChannel(label));
    }
    if (tracks.length === 0 && local.channels.length === 0) {
      // Nothing to send is no reason not to see and hear the others.
      this.peer.addTransceiver("audio", { direction: "recvonly" });
      this.peer.addTransceiver("video", { direction: "recvonly" });
    }
  }

  /**
   * Goes on with the member, who was away, or from whom one was; `offer`: this side begins. A path
   * through a relay may have ended with the server, long before a browser notices: ICE is restarted
   * at once.
   */
  rebind(member: Member, offer: boolean): void {
    this.#member = member;
    this.#recovery.polite = member.polite;
    this.#negotiation.rebind(member.polite, false);
    if (offer) {
      void this.#goOn();
    }
  }

  async #goOn(): Promise<void> {
    const { path } = await this.state();
    if (path?.kind === "relayed") {
      this.#restartOrReplace();
    } else {
      this.#negotiation.rebind(this.#member.polite, true);
    }
  }

  /** An offer of this end, the newest one unless its number is told, or its answer was lost. */
  offerAgain(negotiation?: number): void {
    this.#negotiation.offerAgain(negotiation);
  }

  /** Takes a change of the same member. */
  updateMember(member: Member): void {
    this.#member = member;
  }

  /** Comes from the `RTCPeerConnection` at the other end, not from one that took its place. */
  isFromSamePeer(description: Description): boolean {
    const known = fingerprints(this.peer.remoteDescription?.sdp ?? "");
    const told = fingerprints(description.sdp ?? "");
    return known.size === 0 || told.size === 0 || [...told].some((one) => known.has(one));
  }

  /** A description from the server. */
  receiveDescription(negotiation: number, description: Description): void {
    this.#reporter.negotiationBegan();
    this.#negotiation.receiveDescription(negotiation, description);
  }

  /** A candidate from the server. */
  receiveCandidate(candidate: Candidate): void {
    this.#negotiation.receiveCandidate(candidate);
    this.#reporter.candidateCame();
  }

  /** Ends the connection. */
  close(): void {
    this.#detour.close();
    this.#reporter.close();
    this.#recovery.close();
    this.peer.onicecandidate = this.peer.onnegotiationneeded = null;
    this.peer.ontrack = this.peer.ondatachannel = null;
    this.peer.close();
  }

  #phaseChanged(phase: Phase): void {
    if (phase === "connected") {
      this.#detour.connected(this.#member.polite);
    }
    if (phase === "failed" || (phase === "reconnecting" && !this.wasConnected)) {
      this.#reporter.gaveUp();
    }
    this.emit("phase", phase);
  }

  /** For a shorter way: nothing is wrong, so no other connection is begun for it. */
  #restartQuietly(): void {
    if (this.#member.offers && this.#member.iceRestart) {
      this.#negotiation.restart();
    }
  }

  async #path(): Promise<Path | undefined> {
    return selectedPath(await this.peer.getStats(), this.peer.remoteDescription?.sdp);
  }

  #restartOrReplace(): void {
    if (!this.#member.offers) {
      return;
    }
    if (this.#member.iceRestart) {
      this.#negotiation.restart();
    } else {
      this.#setup.replace(this);
    }
  }

  #link(): ConstructorParameters<typeof Negotiation>[1] {
    const { send, configuration } = this.#setup;
    return {
      sendDescription: (number, description) => {
        this.#reporter.negotiationBegan();
        send.description(this, number, description);
      },
      sendCandidate: (candidate) => send.candidate(this, candidate),
      beforeGathering: () =>
        this.peer.setConfiguration({ ...this.peer.getConfiguration(), ...configuration() }),
      failed: (error) => this.emit("error", error),
    };
  }

  #addTrack(track: MediaStreamTrack): void {
    this.stream.addTrack(track);
    this.emit("track", track);
  }

  #addChannel(channel: RTCDataChannel): void {
    this.#channels.set(channel.label, channel);
    this.emit("channel", channel);
  }
}
