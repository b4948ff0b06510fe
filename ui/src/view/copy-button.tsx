import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { copy } from "../model/invitation.js";

interface CopyButtonProps {
  text: string;
  class: string;
  children: ComponentChildren;
}

/** Copies a text, and says for a moment that it did. */
export function CopyButton({ text, class: className, children }: CopyButtonProps): JSX.Element {
  const [outcome, setOutcome] = useState<"copied" | "failed">();
  useEffect(() => {
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copyNow = async (): Promise<void> => {
    setOutcome((await copy(text)) ? "copied" : "failed");
  };
  return (
    <button type="button" class={className} onClick={() => void copyNow()}>
      <span aria-live="polite">
        {outcome === undefined ? children : outcome === "copied" ? "Copied" : "Copy by hand"}
      </span>
    </button>
  );
}

const SHOWN_MS = 2500;
