import type { JsonObject, MemberObject, Nat, Prediction } from "./protocol.js";

/** Somebody else in a room. */
export interface Member {
  /** One device in one room, for as long as it is there. */
  readonly id: string;
  /** Who it is, vouched for by the server. */
  readonly identity: string;
  /** What they like to be called; not unique, and vouched for by nobody. */
  readonly name: string;
  readonly meta: JsonObject;
  /** This client's part towards them: who gives way when both offer at once. */
  readonly polite: boolean;
  /** Whether this client may offer to them. */
  readonly offers: boolean;
  /** The kinds of media, `audio` or `video`, for which the two have no codec in common. */
  readonly nothingInCommon: readonly string[];
  /** Whether both can restart ICE; if not, a new connection takes the place of one that is lost. */
  readonly iceRestart: boolean;
  /** Its connection to the server is lost, and may come back. Its media may flow all the same. */
  readonly reconnecting: boolean;
  /** The NAT that it is behind, as far as it tells. */
  readonly nat: Nat | undefined;
  /** How the two are expected to be connected, where both tell of their NATs. */
  readonly prediction: Prediction | undefined;
}

/** The member that a member object of the server describes. */
export function readMember(object: MemberObject): Member {
  return {
    id: object.member,
    identity: object.identity,
    name: object.name,
    meta: object.meta,
    polite: object.polite,
    offers: object.offers !== false,
    nothingInCommon: object.nothing_in_common ?? [],
    iceRestart: object.ice_restart !== false,
    reconnecting: object.reconnecting === true,
    nat: object.nat,
    prediction: object.prediction,
  };
}
