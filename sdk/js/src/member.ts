import type { JsonObject, MemberObject } from "./protocol.js";

/** Somebody else in a room. */
export interface Member {
  /** One device in one room. New each time it joins. */
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
  /** The id it had before it lost its connection and joined again, by its own account. */
  readonly continues: string | undefined;
}

/** The member that a member object of the server describes. */
export function readMember(object: MemberObject): Member {
  const { [CONTINUES]: continues, ...meta } = object.meta;
  return {
    id: object.member,
    identity: object.identity,
    name: object.name,
    meta,
    polite: object.polite,
    offers: object.offers !== false,
    continues: typeof continues === "string" ? continues : undefined,
  };
}

/** The `meta` to join with: the application's own, and whose place one takes. */
export function writeMeta(meta: JsonObject, continues: string | undefined): JsonObject {
  return continues === undefined ? meta : { ...meta, [CONTINUES]: continues };
}

/** In `meta`, so that others wait for this side to go on with the connections that still live. */
const CONTINUES = "continues";
