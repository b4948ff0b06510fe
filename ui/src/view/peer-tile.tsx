import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Call, Peer } from "../model/call.js";
import { troubleWords } from "../model/story.js";
import { peerWords } from "../model/words.js";
import { SpanGlyph } from "./bridge.js";
import type { Span } from "./bridge.js";
import { Details } from "./details.js";
import { Icon } from "./icons.js";
import { Video } from "./video.js";
import { useStory } from "./why.js";

interface PeerTileProps {
  peer: Peer;
  call: Call;
  /** Somebody wants to know why the connection is as it is. */
  onWhy: () => void;
}

/** Somebody: their picture, and how they are reached. */
export function PeerTile({ peer, call, onWhy }: PeerTileProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const { member, connection, phase } = peer;
  const name = member.name || "Somebody";
  const isSlow = useSlowness(peer);
  const { story } = useStory(call, member.id, isSlow);
  const trouble = story && troubleWords(story);
  return (
    <figure class={`tile tile-${phase}`} data-member={member.id}>
      <div class="tile-picture">
        <Video stream={connection?.stream} label={`Picture of ${name}`} />
        {phase !== "connected" && (
          <div class="tile-veil">
            <SpanGlyph span={spanOf(peer)} />
            <p>{peerWords(peer)}</p>
            {trouble && <p class="tile-hint">{trouble}</p>}
            {isSlow && (
              <div class="tile-ways">
                {phase === "failed" && (
                  <button type="button" class="small-button" onClick={() => connection?.restart()}>
                    Try again
                  </button>
                )}
                <button type="button" class="small-button" onClick={onWhy}>
                  Why?
                </button>
              </div>
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
          class="tile-why"
          aria-label={`Why? The story of the connection with ${name}`}
          title="The story of this connection"
          onClick={onWhy}
        >
          Why?
        </button>
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

/** Not connected, and for longer than it takes. */
function useSlowness({ phase }: Peer): boolean {
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    setWaited(false);
    const timer = setTimeout(() => setWaited(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [phase]);
  return phase === "failed" || phase === "closed" || (waited && phase !== "connected");
}

/** One word for style and tests. */
function stateName({ phase, path }: Peer): string {
  return phase === "connected" ? (path?.kind ?? phase) : phase;
}

/** In this time most connections are made. */
const PATIENCE_MS = 4000;
