import { useEffect } from "preact/hooks";
import type { JSX } from "preact";
import { ringWords } from "../model/ring-words.js";
import { startTone } from "../model/ring-tone.js";
import type { Ring, Ringing } from "../model/ringing.js";
import { Icon } from "./icons.js";
import { Toast } from "./toast.js";

/** A call that comes, that is being made or goes on, and what became of the last one. */
export function RingCards({ ringing }: { ringing: Ringing }): JSX.Element {
  const { current: ring, said } = ringing;
  return (
    <div class="rings" aria-live={ring?.asks ? "assertive" : "polite"}>
      {ring?.asks && <Asking ring={ring} ringing={ringing} />}
      {ring && !ring.asks && <Running ring={ring} ringing={ringing} />}
      {said && <Toast notice={said} onClose={() => ringing.dismiss()} />}
    </div>
  );
}

interface RingProps {
  ring: Ring;
  ringing: Ringing;
}

/** Somebody calls. */
function Asking({ ring, ringing }: RingProps): JSX.Element {
  const name = ring.name ?? "Somebody";
  useEffect(startTone, []);
  useTitle(`${name} is calling`);
  return (
    <div class="ring-card ring-asks" role="group" aria-label={`Call from ${name}`}>
      <span class="ring-initial" aria-hidden="true">
        {name.slice(0, 1).toUpperCase()}
      </span>
      <div class="ring-words">
        <strong>{name} is calling</strong>
        <span>{ring.call.wholeRoom ? "For everybody in the room" : "For you"}</span>
      </div>
      <div class="ring-actions">
        <button type="button" class="ring-button ring-no" onClick={() => ringing.reject()}>
          <Icon name="leave" /> Decline
        </button>
        <button type="button" class="ring-button ring-yes" onClick={() => ringing.accept()}>
          <Icon name="phone" /> Accept
        </button>
      </div>
    </div>
  );
}

/** A call that was made or accepted. */
function Running({ ring, ringing }: RingProps): JSX.Element {
  const { call, name, waits } = ring;
  return (
    <div class={`ring-card ${waits ? "ring-waits" : "ring-talks"}`}>
      <span class="ring-lamp" aria-hidden="true" />
      <strong class="ring-line">{ringWords(call.state, call.wholeRoom ? undefined : name)}</strong>
      <button type="button" class="small-button" onClick={() => ringing.hangUp()}>
        {waits ? "Cancel" : "Hang up"}
      </button>
    </div>
  );
}

/** What the tab says meanwhile: a person may be looking at another one. */
function useTitle(title: string): void {
  useEffect(() => {
    const usual = document.title;
    document.title = title;
    return () => {
      document.title = usual;
    };
  }, [title]);
}
