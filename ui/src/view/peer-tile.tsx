import { useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Call, Peer } from "../model/call.js";
import { failureHint, peerWords } from "../model/words.js";
import { SpanGlyph } from "./bridge.js";
import type { Span } from "./bridge.js";
import { Details } from "./details.js";
import { Icon } from "./icons.js";
import { Video } from "./video.js";

/** Somebody: their picture, and how they are reached. */
export function PeerTile({ peer, call }: { peer: Peer; call: Call }): JSX.Element {
  const [open, setOpen] = useState(false);
  const { member, connection, phase } = peer;
  const name = member.name || "Somebody";
  return (
    <figure class={`tile tile-${phase}`} data-member={member.id}>
      <div class="tile-picture">
        <Video stream={connection?.stream} label={`Picture of ${name}`} />
        {phase !== "connected" && (
          <div class="tile-veil">
            <SpanGlyph span={spanOf(peer)} />
            <p>{peerWords(peer)}</p>
            {isBlocked(peer) && <p class="tile-hint">{failureHint(call.relayOnly)}</p>}
            {phase === "failed" && (
              <button type="button" class="small-button" onClick={() => connection?.restart()}>
                Try again
              </button>
            )}
          </div>
        )}
        {phase === "connected" && !peer.camera && (
          <div class="tile-veil tile-veil-off">
            <span class="initial">{name.slice(0, 1).toUpperCase()}</span>
            <p>Picture off</p>
          </div>
        )}
        {open && connection && <Details peer={peer} connection={connection} call={call} />}
      </div>
      <figcaption class="tile-line">
        <span class="tile-name">
          {name}
          {!peer.microphone && (
            <span class="tile-muted" role="img" aria-label="muted">
              <Icon name="microphone" off />
            </span>
          )}
        </span>
        <button
          type="button"
          class="tile-ring"
          aria-label={`Ring ${name}`}
          title={`Ring ${name}`}
          disabled={!peer.present || call.ringing?.isTaken !== false}
          onClick={() => void call.ringing?.ring(member.id)}
        >
          <Icon name="bell" />
        </button>
        <button
          type="button"
          class="tile-state"
          data-state={stateName(peer)}
          aria-expanded={open}
          title="Details of this connection"
          onClick={() => setOpen(!open)}
        >
          <SpanGlyph span={spanOf(peer)} />
          <span aria-live="polite">{peerWords(peer)}</span>
        </button>
      </figcaption>
    </figure>
  );
}

function spanOf({ phase, path, present }: Peer): Span {
  if (phase === "failed" || phase === "closed") {
    return "broken";
  }
  if (phase !== "connected" || path === undefined || !present) {
    return "building";
  }
  return path.kind;
}

/** No way was found, in more time than it takes: the network is in the way. */
function isBlocked({ phase, connection }: Peer): boolean {
  return phase === "failed" || (phase === "reconnecting" && connection?.wasConnected === false);
}

/** One word for style and tests. */
function stateName({ phase, path }: Peer): string {
  return phase === "connected" ? (path?.kind ?? phase) : phase;
}
