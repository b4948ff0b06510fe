import type { JSX } from "preact";
import type { Member } from "kopru";
import type { Call } from "../model/call.js";
import { departureWords } from "../model/departures.js";
import type { Departures } from "../model/departures.js";
import { RingCards } from "./ringing.js";
import { Toast } from "./toast.js";

interface CardsProps {
  call: Call;
  /** Somebody wants to know what became of the connection with this member. */
  onWhy: (member: Member) => void;
}

/** What is told over the pictures: calls, and who is gone. */
export function Cards({ call: { ringing, departures }, onWhy }: CardsProps): JSX.Element {
  return (
    <div class="cards">
      {ringing && <RingCards ringing={ringing} />}
      {departures && <Departed departures={departures} onWhy={onWhy} />}
    </div>
  );
}

interface DepartedProps {
  departures: Departures;
  onWhy: (member: Member) => void;
}

/** Who went last. */
function Departed({ departures, onWhy }: DepartedProps): JSX.Element {
  const { last } = departures;
  return (
    <div class="rings" aria-live="polite">
      {last && (
        <Toast notice={departureWords(last)} onClose={() => departures.dismiss()}>
          <button type="button" class="small-button" onClick={() => onWhy(last.member)}>
            Why?
          </button>
        </Toast>
      )}
    </div>
  );
}
