// What is deleted takes the focus with it. It goes to the part of the page it was in then, not to the beginning of it all.
import { type RefObject, useEffect, useRef } from "react";

/** To be put on an element with `tabIndex={-1}`. */
export function useKeptFocus<Part extends HTMLElement>(): RefObject<Part | null> {
  const part = useRef<Part>(null);
  useEffect(() => {
    const element = part.current;
    if (!element) return;
    let last: EventTarget | null = null;
    const onFocus = (event: FocusEvent) => {
      last = event.target;
    };
    const observer = new MutationObserver(() => {
      const isGone = last instanceof Node && !last.isConnected;
      if (isGone && document.activeElement === document.body) element.focus();
    });
    element.addEventListener("focusin", onFocus);
    observer.observe(element, { childList: true, subtree: true });
    return () => {
      element.removeEventListener("focusin", onFocus);
      observer.disconnect();
    };
  }, []);
  return part;
}
