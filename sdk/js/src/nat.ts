import type { NatBehavior, OwnNat } from "./protocol.js";

/** What a finder needs of its client. */
export interface NatLink {
  /** Whom to ask; empty where the server has no second port, or only relays are used. */
  urls: () => readonly string[];
  /** Something else than before was found. */
  found: () => void;
}

/** Finds out once for each network how the NAT behaves that this device is behind. */
export class NatFinder {
  readonly #link: NatLink;
  #nat: OwnNat | undefined;
  /** What is known, or being found out, is of the present network. */
  #isFresh = false;
  #isRunning = false;

  constructor(link: NatLink) {
    this.#link = link;
  }

  /** What was found out; of the former network, until that of this one is known. */
  get nat(): OwnNat | undefined {
    return this.#nat;
  }

  /** Somebody wants to know. */
  want(): void {
    const urls = this.#link.urls();
    if (!this.#isFresh && !this.#isRunning && urls.length > 0) {
      void this.#find(urls);
    }
  }

  /** This may be another network. */
  networkChanged(): void {
    this.#isFresh = false;
  }

  async #find(urls: readonly string[]): Promise<void> {
    this.#isRunning = true;
    let nat: OwnNat;
    do {
      this.#isFresh = true;
      nat = await probe(urls).catch(() => ({ mapping: "unknown" as const }));
    } while (!this.#isFresh);
    this.#isRunning = false;
    if (JSON.stringify(nat) !== JSON.stringify(this.#nat)) {
      this.#nat = nat;
      this.#link.found();
    }
  }
}

/**
 * RFC 5780 §4.3 with what a browser has: one socket asks each of these STUN servers, which are
 * ports and addresses of one and the same, and each reflexive address that differs is a candidate.
 */
async function probe(urls: readonly string[]): Promise<OwnNat> {
  const peer = new RTCPeerConnection({ iceServers: [{ urls: [...urls] }] });
  const gathered: Gathered = { candidates: [], failures: [], complete: false };
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PROBE_TIMEOUT_MS);
    peer.onicecandidateerror = (failure) => gathered.failures.push(failure);
    peer.onicecandidate = ({ candidate }) => {
      if (candidate === null) {
        gathered.complete = true;
        resolve();
      } else if (candidate.candidate !== "") {
        gathered.candidates.push(candidate);
      }
    };
    peer.createDataChannel("nat");
    peer.setLocalDescription().catch(() => resolve());
  });
  clearTimeout(timer);
  peer.close();
  return judge(gathered, urls);
}

/** What came of a gathering until its end, or until it took too long. */
export interface Gathered {
  candidates: RTCIceCandidate[];
  failures: Failure[];
  complete: boolean;
}

type Failure = Pick<RTCPeerConnectionIceErrorEvent, "url" | "address">;

/** What reflexive addresses say of the NAT that they are of. */
export function judge(gathered: Gathered, urls: readonly string[]): OwnNat {
  const { candidates, failures, complete } = gathered;
  const overUdp = candidates.filter(({ protocol }) => protocol === "udp");
  const reflexive = ofOneSocket(overUdp.filter(({ type }) => type === "srflx"));
  const [first] = reflexive;
  if (first === undefined) {
    return withoutReflexive(overUdp, failures, complete);
  }
  const family = familyOf(first.address ?? "");
  const hosts = new Set(urls.map(hostOf).filter((host) => mayBe(host, family)));
  const failed = failures.some(
    ({ url, address }) => mayBe(hostOf(url), family) && (!address || familyOf(address) === family),
  );
  const mapping = mappingOf({
    mapped: new Set(reflexive.map(({ address, port }) => `${address} ${port}`)).size,
    hosts: hosts.size,
    answered: complete && !failed,
  });
  const address = first.address === null ? {} : { address: first.address };
  if (mapping === "unknown") {
    return { mapping, ...address };
  }
  // One that depends on the address alone looks independent to whoever asks one address.
  const isSure = mapping !== "endpoint_independent" || hosts.size > 1;
  return { mapping, sure: isSure ? "certain" : "likely", ...address };
}

/**
 * A mapping for each port is one more than there are addresses to ask; as many as addresses is one
 * for each of them; a single one is for all, if all have answered.
 */
function mappingOf({ mapped, hosts, answered }: Asked): NatBehavior {
  if (mapped > hosts) {
    return "address_and_port_dependent";
  }
  if (!answered) {
    return "unknown";
  }
  return mapped > 1 ? "address_dependent" : "endpoint_independent";
}

interface Asked {
  /** So many reflexive addresses. */
  mapped: number;
  /** So many addresses were asked. */
  hosts: number;
  /** All of them, at all ports, have answered. */
  answered: boolean;
}

/** Nobody answered; or what was answered is the device's own address, which is told once. */
function withoutReflexive(
  overUdp: RTCIceCandidate[],
  failures: Failure[],
  complete: boolean,
): OwnNat {
  if (overUdp.length === 0 || failures.length > 0) {
    return { mapping: "unknown" };
  }
  return complete
    ? { mapping: "endpoint_independent", sure: "likely" }
    : { mapping: "unknown", udp: false };
}

/**
 * Those of one local socket: only they can be compared. Where browsers hide the local address they
 * use that of the default route alone, so there is one of each family. IPv4 comes first: IPv6 is
 * seldom translated.
 */
function ofOneSocket(reflexive: RTCIceCandidate[]): RTCIceCandidate[] {
  const bySocket = new Map<string, RTCIceCandidate[]>();
  for (const candidate of reflexive) {
    const { relatedAddress, relatedPort, address } = candidate;
    const isHidden = !relatedAddress || !relatedPort || /^[0:.]+$/.test(relatedAddress);
    const socket = isHidden ? familyOf(address ?? "") : `${relatedAddress} ${relatedPort}`;
    bySocket.set(socket, [...(bySocket.get(socket) ?? []), candidate]);
  }
  const sockets = [...bySocket.values()];
  return sockets.find(([first]) => familyOf(first?.address ?? "") === "IPv4") ?? sockets[0] ?? [];
}

type Family = "IPv4" | "IPv6";

function familyOf(address: string): Family {
  return address.replace(/:\d+$/, "").includes(":") ? "IPv6" : "IPv4";
}

/** Of `stun:host:port`. */
function hostOf(url: string): string {
  return url.replace(/^stun:/, "").replace(/:\d+$/, "");
}

/** A name may be of either family. */
function mayBe(host: string, family: Family): boolean {
  const isIpv6 = host.startsWith("[");
  const isIpv4 = /^[\d.]+$/.test(host);
  return family === "IPv6" ? !isIpv4 : !isIpv6;
}

/** Shorter than any browser waits for an answer, so that none goes missing unnoticed. */
const PROBE_TIMEOUT_MS = 5000;
