import { selectedCandidates } from "./path.js";
import type { StatisticsEntry } from "./path.js";
import type { CandidateError, Report, ReportedCandidate } from "./protocol.js";

/**
 * Tells the server how one `RTCPeerConnection` is getting on, so that the connection has a story.
 * What follows within a moment is told as one; what is no news is not told.
 *
 * ```text
 *  ICE changed, or gathering failed ── 200 ms ──▶ statistics ──▶ report ── 1 s ──▶ the next one
 * ```
 */
export class Reporter {
  readonly #peer: RTCPeerConnection;
  readonly #send: (report: Report) => void;
  readonly #candidates: { [type: string]: number } = {};
  readonly #transports = new Set<RTCIceTransport>();
  /** Those that were not told yet, and the names of all there were. */
  #errors: CandidateError[] = [];
  readonly #errorNames = new Set<string>();
  #begunAt: number | undefined;
  #setupMs: number | undefined;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #reported = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** No path was found in good time, whatever ICE says. */
  #gaveUp = false;
  #isClosed = false;

  constructor(peer: RTCPeerConnection, send: (report: Report) => void) {
    this.#peer = peer;
    this.#send = send;
    peer.addEventListener("iceconnectionstatechange", () => this.#stateChanged());
    peer.addEventListener("icecandidate", ({ candidate }) => this.#count(candidate));
    peer.addEventListener("icecandidateerror", (error) => this.#failedToGather(error));
  }

  /** The first description was sent or came: from here the set-up time counts. */
  negotiationBegan(): void {
    this.#begunAt ??= performance.now();
  }

  /** The other side told a candidate: it may say what kind of address the selected pair has. */
  candidateCame(): void {
    if (CONNECTED.has(this.#peer.iceConnectionState)) {
      this.#look();
    }
  }

  /**
   * No path was found in good time: that is a failure, also where there are no candidates and ICE
   * waits for some without end.
   */
  gaveUp(): void {
    this.#gaveUp = true;
    this.#look();
  }

  /** The connection is over. */
  close(): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed && this.#begunAt !== undefined) {
      this.#send({ state: "closed" });
    }
    this.#isClosed = true;
  }

  #look(): void {
    if (this.#timer !== undefined || this.#isClosed) {
      return;
    }
    const pauseMs = this.#reportedAt + REPORT_INTERVAL_MS - performance.now();
    this.#timer = setTimeout(() => void this.#report(), Math.max(SETTLING_MS, pauseMs));
  }

  #stateChanged(): void {
    this.#gaveUp = false;
    const state = this.#peer.iceConnectionState;
    if (CONNECTED.has(state)) {
      const sinceMs = performance.now() - (this.#begunAt ?? performance.now());
      this.#setupMs ??= Math.min(Math.round(sinceMs), SETUP_MS_MAX);
      this.#followPair();
    }
    this.#look();
  }

  /** A pair may be followed by a better one, and the state stays as it is. */
  #followPair(): void {
    const carriers = [this.#peer.sctp, ...this.#peer.getReceivers()];
    for (const transport of carriers.map((carrier) => carrier?.transport?.iceTransport)) {
      if (transport && !this.#transports.has(transport)) {
        this.#transports.add(transport);
        transport.addEventListener("selectedcandidatepairchange", () => this.#look());
      }
    }
  }

  #count(candidate: RTCIceCandidate | null): void {
    if (candidate?.type) {
      this.#candidates[candidate.type] = (this.#candidates[candidate.type] ?? 0) + 1;
    }
  }

  #failedToGather({ url, errorCode, errorText }: RTCPeerConnectionIceErrorEvent): void {
    const name = `${errorCode} ${url}`;
    if (this.#errorNames.has(name) || this.#errorNames.size === ERRORS_MAX) {
      return;
    }
    this.#errorNames.add(name);
    const text = short(errorText);
    this.#errors.push({ ...(url ? { url: short(url) } : {}), code: errorCode, text });
    this.#look();
  }

  async #report(): Promise<void> {
    this.#timer = undefined;
    const pair = await this.#readPair();
    if (this.#isClosed) {
      return;
    }
    const state = this.#gaveUp ? "failed" : this.#peer.iceConnectionState;
    const news = JSON.stringify([state, pair]);
    if (news === this.#reported && this.#errors.length === 0) {
      return;
    }
    const errors = this.#errors;
    this.#errors = [];
    this.#reported = news;
    this.#reportedAt = performance.now();
    this.#send({
      state,
      ...(this.#setupMs === undefined ? {} : { setup_ms: this.#setupMs }),
      ...(Object.keys(this.#candidates).length === 0 ? {} : { candidates: this.#candidates }),
      ...(pair === undefined ? {} : { pair }),
      ...(errors.length === 0 ? {} : { errors }),
    });
  }

  async #readPair(): Promise<Report["pair"]> {
    if (!CONNECTED.has(this.#peer.iceConnectionState)) {
      return undefined;
    }
    const report = await this.#peer.getStats();
    const pair = selectedCandidates(report, this.#peer.remoteDescription?.sdp);
    const relayOnly = this.#peer.getConfiguration().iceTransportPolicy === "relay";
    return (
      pair && { local: reported(pair.local, relayOnly), remote: reported(pair.remote, relayOnly) }
    );
  }
}

/** One end of the pair, as far as the server may know it. */
function reported(entry: StatisticsEntry, relayOnly: boolean): ReportedCandidate {
  const { candidateType: type = "host", protocol, relayProtocol, address, port } = entry;
  const told = address && port && (type === "relay" || !relayOnly);
  return {
    type,
    ...(protocol === undefined ? {} : { protocol }),
    ...(relayProtocol === undefined ? {} : { relay_protocol: relayProtocol }),
    ...(told ? { address, port } : {}),
  };
}

function short(text: string): string {
  return [...text].slice(0, TEXT_CHARS_MAX).join("");
}

const CONNECTED: ReadonlySet<RTCIceConnectionState> = new Set(["connected", "completed"]);
/** States follow each other quickly at the beginning: the last of them is told. */
const SETTLING_MS = 200;
const REPORT_INTERVAL_MS = 1000;
/** Different errors of one connection: a few servers, over a few transports. */
const ERRORS_MAX = 16;
const TEXT_CHARS_MAX = 256;
/** An hour: what takes longer waited for something else than a path. */
const SETUP_MS_MAX = 3_600_000;
