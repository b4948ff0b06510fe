import type { ComponentChildren, JSX } from "preact";
import type { Notice } from "../model/words.js";

interface NoticeProps {
  notice: Notice;
  tone: "warning" | "calm";
  children?: ComponentChildren;
}

/** Says what is the matter and what can be done; read out when it appears. */
export function NoticeCard({ notice, tone, children }: NoticeProps): JSX.Element {
  return (
    <div class={`notice notice-${tone}`} role={tone === "warning" ? "alert" : "status"}>
      <div class="notice-words">
        <strong>{notice.title}</strong>
        <span>{notice.text}</span>
      </div>
      {children && <div class="notice-actions">{children}</div>}
    </div>
  );
}
