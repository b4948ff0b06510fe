import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Member, Story } from "kopru";
import type { Call } from "../model/call.js";
import {
  laneNames,
  pathWords,
  setupWords,
  stateWords,
  storyLines,
  sureWords,
  verdictTone,
} from "../model/story.js";
import type { StoryLine } from "../model/story.js";
import { SpanGlyph } from "./bridge.js";
import type { Span } from "./bridge.js";
import { Icon } from "./icons.js";

/** With whom the connection is that is asked about. */
export interface Question {
  member: string;
  name: string;
}

/** The question about the connection with this member. */
export function questionAbout({ id, name }: Member): Question {
  return { member: id, name: name || "somebody" };
}

interface WhyProps {
  call: Call;
  question: Question;
  onClose: () => void;
}

/** Why a connection is as it is: the verdict, and all that happened. */
export function Why({ call, question, onClose }: WhyProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const answer = useStory(call, question.member, true);
  useEffect(() => dialog.current?.showModal(), []);
  const onClick = ({ target, currentTarget }: Event): void => {
    // Beside the panel is the dialog itself.
    if (target === currentTarget) {
      dialog.current?.close();
    }
  };
  return (
    <dialog ref={dialog} class="why" aria-labelledby="why" onClose={onClose} onClick={onClick}>
      <div class="why-panel">
        <div class="why-head">
          <h2 id="why">You and {question.name}</h2>
          <button
            type="button"
            class="quiet-button"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            <Icon name="close" />
          </button>
        </div>
        {answer.story ? (
          <Telling story={answer.story} own={call.room?.member ?? ""} />
        ) : (
          <p class="why-wait" role="status">
            {answer.missing ? "kopru has no story of this connection." : "Asking kopru…"}
          </p>
        )}
      </div>
    </dialog>
  );
}

function Telling({ story, own }: { story: Story; own: string }): JSX.Element {
  const { verdict, began_unix_ms: began, dropped } = story;
  return (
    <>
      <section class={`verdict verdict-${verdictTone(story)}`} aria-live="polite">
        <SpanGlyph span={spanOf(story)} />
        <p class="verdict-cause">{withCode(verdict.cause)}</p>
        <p class="verdict-cure">{withCode(verdict.cure)}</p>
        <p class="verdict-sure">{sureWords(verdict.sure)}</p>
      </section>
      <dl class="why-facts">
        <Fact name="State" value={stateWords(story)} />
        <Fact name="Path" value={pathWords(story)} />
        <Fact name="Set up" value={setupWords(story)} />
        <Fact name="Began" value={new Date(began).toLocaleTimeString()} />
      </dl>
      <Timeline lines={storyLines(story, own)} names={laneNames(story, own)} dropped={dropped} />
    </>
  );
}

/** What stands between backquotes is code. */
function withCode(words: string): (string | JSX.Element)[] {
  return words.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}

function Fact({ name, value }: { name: string; value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface TimelineProps {
  lines: StoryLine[];
  names: [string, string, string];
  /** So many lines were not kept. */
  dropped: number;
}

/** What happened, as a ladder: the two at the sides, kopru in the middle. */
function Timeline({ lines, names, dropped }: TimelineProps): JSX.Element {
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="timeline-names" aria-hidden="true">
        {names.map((name, lane) => (
          <span key={lane} class={`lane-${lane}`}>
            {name}
          </span>
        ))}
      </div>
      <ol>
        {lines.map((line, index) => (
          <li key={index} class={`line-${line.tone}`}>
            <span class="line-at">{line.at}</span>
            <Rungs line={line} />
            <span class="line-words">{line.words}</span>
          </li>
        ))}
      </ol>
      {dropped > 0 && (
        <p class="timeline-dropped">
          {dropped === 1 ? "One more line was" : `${dropped} more lines were`} not kept.
        </p>
      )}
    </section>
  );
}

/** Three lanes, with a dot in one of them and perhaps an arrow to another. */
function Rungs({ line: { lane, to } }: { line: StoryLine }): JSX.Element {
  return (
    <span class="rungs" aria-hidden="true">
      {to !== undefined && (
        <span
          class={`rung-arrow ${to > lane ? "rung-right" : "rung-left"}`}
          style={{ "--from": Math.min(lane, to), "--span": Math.abs(to - lane) }}
        />
      )}
      <span class={`rung-dot lane-${lane}`} style={{ "--from": lane }} />
    </span>
  );
}

function spanOf({ state, path }: Story): Span {
  if (state === "failed" || state === "ended") {
    return "broken";
  }
  return state === "connected" && path !== undefined ? path : "building";
}

/** What the server answered last, asked again every few seconds. */
interface StoryAnswer {
  story: Story | undefined;
  /** It was asked, and there is none. */
  missing: boolean;
}

/** The story of the connection with a member, as long as it is `wanted`. */
export function useStory(call: Call, member: string, wanted: boolean): StoryAnswer {
  const [answer, setAnswer] = useState<StoryAnswer>(NOTHING_YET);
  useEffect(() => {
    if (!wanted) {
      return setAnswer(NOTHING_YET);
    }
    let over = false;
    const ask = async (): Promise<void> => {
      const story = await call.why(member);
      if (!over) {
        // What was told before is better than nothing while the server is away.
        setAnswer((former) => ({ story: story ?? former.story, missing: story === undefined }));
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), ASKED_EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [call, member, wanted]);
  return answer;
}

const NOTHING_YET: StoryAnswer = { story: undefined, missing: false };
const ASKED_EVERY_MS = 2500;
