import type { ComponentChildren, JSX } from "preact";
import type { Notice } from "../model/words.js";
import { Icon } from "./icons.js";

interface ToastProps {
  notice: Notice;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Something that happened, told for a while. */
export function Toast({ notice, onClose, children }: ToastProps): JSX.Element {
  return (
    <div class="ring-card ring-said">
      <div class="ring-words">
        <strong>{notice.title}</strong>
        <span>{notice.text}</span>
      </div>
      {children}
      <button type="button" class="quiet-button" aria-label="Close this message" onClick={onClose}>
        <Icon name="close" />
      </button>
    </div>
  );
}
