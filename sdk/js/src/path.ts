import { relayedAddresses } from "./sdp.js";

/** How the packets of a connection travel. */
export interface Path {
  /** `relayed`: through a TURN server at this end, the other, or both. */
  kind: "direct" | "relayed";
  /** Round-trip time of the selected pair, in milliseconds. */
  rttMs: number | undefined;
  /** Candidate types of the selected pair. */
  local: RTCIceCandidateType;
  remote: RTCIceCandidateType;
  /** `udp` or `tcp` between the two candidates. */
  protocol: string;
  /** How the local relay is reached (`udp`, `tcp`, `tls`), when the local candidate is relayed. */
  relayProtocol: string | undefined;
}

/** The selected candidate pair of a statistics report; `undefined` before there is one. */
export function selectedPath(report: RTCStatsReport, remoteSdp?: string): Path | undefined {
  const pair = selectedCandidates(report, remoteSdp);
  if (pair === undefined) {
    return undefined;
  }
  const { local, remote, rttMs } = pair;
  const relayed = local.candidateType === "relay" || remote.candidateType === "relay";
  return {
    kind: relayed ? "relayed" : "direct",
    rttMs,
    local: local.candidateType,
    remote: remote.candidateType,
    protocol: local.protocol ?? "udp",
    relayProtocol: local.relayProtocol,
  };
}

/** An end of the selected pair. */
export interface SelectedCandidate extends StatisticsEntry {
  candidateType: RTCIceCandidateType;
}

/** The two ends of the selected pair, and the round-trip time between them. */
export interface SelectedCandidates {
  local: SelectedCandidate;
  remote: SelectedCandidate;
  rttMs: number | undefined;
}

/**
 * The ends of the selected pair; `undefined` before there is one.
 *
 * A check of the other side may be here before the candidate that it comes from. Firefox then
 * calls that end reflexive for good. In `remoteSdp`, the other side's description with the
 * candidates that were added to it, it may stand as what it is: a relay's.
 */
export function selectedCandidates(
  report: RTCStatsReport,
  remoteSdp = "",
): SelectedCandidates | undefined {
  const entries = [...report.values()] as StatisticsEntry[];
  const pair = selectedPair(entries);
  const local = entries.find((entry) => entry.id === pair?.localCandidateId);
  const remote = entries.find((entry) => entry.id === pair?.remoteCandidateId);
  if (!pair || !local?.candidateType || !remote?.candidateType) {
    return undefined;
  }
  const rtt = pair.currentRoundTripTime;
  const isRelays =
    remote.candidateType === "prflx" &&
    relayedAddresses(remoteSdp).has(`${remote.address} ${remote.port}`);
  return {
    local: { ...local, candidateType: local.candidateType },
    remote: { ...remote, candidateType: isRelays ? "relay" : remote.candidateType },
    rttMs: rtt === undefined ? undefined : rtt * 1000,
  };
}

/** By the transport where it names the pair (Chromium), else by the pair's marks (Firefox). */
function selectedPair(entries: StatisticsEntry[]): StatisticsEntry | undefined {
  const id = entries.find((entry) => entry.type === "transport")?.selectedCandidatePairId;
  const pairs = entries.filter((entry) => entry.type === "candidate-pair");
  return (
    pairs.find((pair) => pair.id === id) ??
    pairs.find((pair) => pair.selected) ??
    pairs.find((pair) => pair.nominated && pair.state === "succeeded")
  );
}

/** The fields of `RTCStats` that are read here, of whichever type the entry is. */
export interface StatisticsEntry {
  id: string;
  type: string;
  selectedCandidatePairId?: string;
  selected?: boolean;
  nominated?: boolean;
  state?: string;
  localCandidateId?: string;
  remoteCandidateId?: string;
  currentRoundTripTime?: number;
  candidateType?: RTCIceCandidateType;
  protocol?: string;
  relayProtocol?: string;
  address?: string | null;
  port?: number;
}
