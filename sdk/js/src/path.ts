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
export function selectedPath(report: RTCStatsReport): Path | undefined {
  const entries = [...report.values()] as Entry[];
  const pair = selectedPair(entries);
  const local = entries.find((entry) => entry.id === pair?.localCandidateId);
  const remote = entries.find((entry) => entry.id === pair?.remoteCandidateId);
  if (!pair || !local?.candidateType || !remote?.candidateType) {
    return undefined;
  }
  const relayed = local.candidateType === "relay" || remote.candidateType === "relay";
  const rtt = pair.currentRoundTripTime;
  return {
    kind: relayed ? "relayed" : "direct",
    rttMs: rtt === undefined ? undefined : rtt * 1000,
    local: local.candidateType,
    remote: remote.candidateType,
    protocol: local.protocol ?? "udp",
    relayProtocol: local.relayProtocol,
  };
}

/** By the transport where it names the pair (Chromium), else by the pair's marks (Firefox). */
export function selectedPair(entries: Entry[]): Entry | undefined {
  const id = entries.find((entry) => entry.type === "transport")?.selectedCandidatePairId;
  const pairs = entries.filter((entry) => entry.type === "candidate-pair");
  return (
    pairs.find((pair) => pair.id === id) ??
    pairs.find((pair) => pair.selected) ??
    pairs.find((pair) => pair.nominated && pair.state === "succeeded")
  );
}

/** The fields of `RTCStats` that are read here, of whichever type the entry is. */
export interface Entry {
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
}
