import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Call } from "../model/call.js";
import { Icon } from "./icons.js";

/** Words, sent from browser to browser through the data channels. */
export function Chat({ call, onClose }: { call: Call; onClose: () => void }): JSX.Element {
  const [text, setText] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [call.lines.length]);

  const say = (event: Event): void => {
    event.preventDefault();
    if (text.trim()) {
      call.say(text.trim());
      setText("");
    }
  };
  const onKeyDown = ({ key }: KeyboardEvent): void => {
    if (key === "Escape") {
      onClose();
    }
  };

  return (
    <aside class="chat" aria-label="Chat" onKeyDown={onKeyDown}>
      <div class="chat-head">
        <h2>Chat</h2>
        <button type="button" class="quiet-button" aria-label="Close the chat" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <ol class="chat-lines" ref={list} aria-live="polite">
        {call.lines.length === 0 && (
          <li class="chat-empty">
            What you write goes from browser to browser. No server reads it.
          </li>
        )}
        {call.lines.map(({ from, mine, text: words, at }, index) => (
          <li key={index} class={mine ? "chat-line chat-mine" : "chat-line"}>
            <span class="chat-from">
              {mine ? "You" : from} <time>{at.toLocaleTimeString([], TIME)}</time>
            </span>
            <span class="chat-words">{words}</span>
          </li>
        ))}
      </ol>
      <form class="chat-form" onSubmit={say}>
        <input
          ref={field}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          maxLength={2000}
          placeholder="Write to everybody"
          aria-label="Write to everybody"
        />
        <button type="submit" class="chat-send" aria-label="Send" disabled={!text.trim()}>
          <Icon name="send" />
        </button>
      </form>
    </aside>
  );
}

const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
