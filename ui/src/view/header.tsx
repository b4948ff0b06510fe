import type { ComponentChildren, JSX } from "preact";
import { Mark } from "./bridge.js";
import { ThemeSwitch } from "./theme.js";

/** The top of the page: the mark, and what belongs to the view. */
export function Header({ children }: { children?: ComponentChildren }): JSX.Element {
  return (
    <header class="header">
      <span class="brand">
        <Mark />
        <span class="brand-name">köprü</span>
      </span>
      <div class="header-middle">{children}</div>
      <ThemeSwitch />
    </header>
  );
}
