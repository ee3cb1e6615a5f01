// The element picker: what is under the pointer is framed, a click tells where it was written, Escape ends it.
import { componentOf, writtenAt } from "./elements";
import { cut } from "./inspect";
import { quietly } from "./native";
import { tell } from "./outlet";

const MAX_TEXT = 200;

/** What the page must not see while an element is being chosen. */
const KEPT_FROM_THE_PAGE = [
  "click",
  "dblclick",
  "auxclick",
  "contextmenu",
  "mousedown",
  "mouseup",
  "pointerdown",
  "pointerup",
  "touchstart",
  "touchend",
  "mouseover",
  "mouseout",
];

/** Everything is set by script: a policy of the app's against inline styles does not reach that. */
const SHIELD = {
  position: "fixed",
  inset: "0",
  margin: "0",
  padding: "0",
  border: "0",
  width: "100%",
  height: "100%",
  "max-width": "none",
  "max-height": "none",
  background: "none",
  overflow: "hidden",
  "z-index": "2147483647",
  cursor: "crosshair",
  display: "block",
};
const BOX = {
  position: "fixed",
  "pointer-events": "none",
  "box-sizing": "border-box",
  border: "2px solid #4f6df5",
  "border-radius": "3px",
  background: "rgba(79, 109, 245, 0.12)",
  display: "none",
};
const LABEL = {
  position: "fixed",
  "pointer-events": "none",
  font: "500 12px/1.4 system-ui, sans-serif",
  color: "#fff",
  background: "#3b55d9",
  padding: "2px 7px",
  "border-radius": "4px",
  "white-space": "nowrap",
  "max-width": "90vw",
  overflow: "hidden",
  "text-overflow": "ellipsis",
  display: "none",
};

let isOn = false;
let shield: HTMLElement | undefined;
let box: HTMLElement | undefined;
let label: HTMLElement | undefined;
let target: Element | undefined;

/** Begins or ends it. A page that goes says nothing of it: whoever wanted it wants it on the next page too. */
export function pick(on: boolean, isGoing = false): void {
  if (on === isOn) return;
  isOn = on;
  const change = on ? window.addEventListener : window.removeEventListener;
  for (const type of KEPT_FROM_THE_PAGE)
    change.call(window, type, keep, { capture: true, passive: false } as never);
  change.call(window, "pointermove", moved, true);
  change.call(window, "keydown", pressed as EventListener, true);
  change.call(window, "wheel", wheeled as EventListener, { capture: true, passive: true } as never);
  change.call(window, "scroll", follow, true);
  if (on) show();
  else hide();
  if (!isGoing) tell({ kind: "picker", on });
}

function show(): void {
  shield = element({ ...SHIELD });
  // What an app shows in the top layer would lie above everything else.
  shield.popover = "manual";
  const root = shield.attachShadow({ mode: "closed" });
  box = element(BOX);
  label = element(LABEL);
  root.append(box, label);
  attach();
  // So that keys come here.
  window.focus();
}

/** Whatever the page or an update of it did to the document, the shield is in it and on top. */
function attach(): void {
  if (!shield) return;
  if (!shield.isConnected) document.documentElement.append(shield);
  if (!shield.matches(":popover-open")) quietly(() => shield?.showPopover())();
}

function hide(): void {
  shield?.remove();
  shield = undefined;
  target = undefined;
}

function element(styles: Record<string, string>): HTMLElement {
  const made = document.createElement("div");
  for (const [name, value] of Object.entries(styles)) made.style.setProperty(name, value, "important");
  return made;
}

const moved = quietly((event: Event) => {
  event.stopImmediatePropagation();
  const { clientX, clientY } = event as PointerEvent;
  aim(under(clientX, clientY));
});

/** The innermost element at a point that is not ours, also inside of open shadow trees. */
function under(x: number, y: number): Element | undefined {
  let root: Document | ShadowRoot = document;
  let found: Element | undefined;
  for (;;) {
    const next: Element | undefined = root.elementsFromPoint(x, y).find((candidate) => candidate !== shield);
    if (!next || next === found) return found;
    found = next;
    if (!next.shadowRoot) return found;
    root = next.shadowRoot;
  }
}

function aim(at: Element | undefined): void {
  attach();
  target = at;
  follow();
}

const follow = quietly(() => {
  if (!box || !label) return;
  for (const part of [box, label]) part.style.setProperty("display", target ? "block" : "none", "important");
  if (!target) return;
  const { left, top, width, height, bottom } = target.getBoundingClientRect();
  place(box, { left, top, width, height });
  const component = componentOf(target);
  label.textContent = component === undefined ? target.localName : `${component} · ${target.localName}`;
  const isRoomAbove = top > 28;
  place(label, {
    left: Math.max(4, left),
    top: isRoomAbove ? top - 24 : Math.min(bottom + 4, window.innerHeight - 26),
  });
});

function place(part: HTMLElement, box: Record<string, number>): void {
  for (const [name, value] of Object.entries(box)) part.style.setProperty(name, `${value}px`, "important");
}

const keep = quietly((event: Event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.type === "pointerdown")
    aim(under((event as PointerEvent).clientX, (event as PointerEvent).clientY));
  if (event.type === "click") choose((event as MouseEvent).shiftKey);
});

/** With the shift key it goes on. */
function choose(goesOn: boolean): void {
  if (!target) return;
  const chosen = target;
  const text = chosen instanceof HTMLElement ? chosen.innerText : (chosen.textContent ?? "");
  const words = cut((text ?? "").replace(/\s+/g, " ").trim(), MAX_TEXT);
  tell({ kind: "picked", tag: chosen.localName, text: words }, writtenAt(chosen));
  if (!goesOn) pick(false);
}

/** By keyboard: Tab goes on, the arrows go around in the tree, Enter chooses. */
const STEPS: Record<string, (at: Element) => Element | null> = {
  ArrowUp: (at) => at.parentElement,
  ArrowDown: (at) => at.firstElementChild,
  ArrowLeft: (at) => at.previousElementSibling,
  ArrowRight: (at) => at.nextElementSibling,
};

const pressed = quietly((event: KeyboardEvent) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.key === "Escape") return pick(false);
  if (event.key === "Enter") return choose(event.shiftKey);
  const next = target ? STEPS[event.key]?.(target) : document.body.firstElementChild;
  if (!next || next === shield || next === document.documentElement) return;
  next.scrollIntoView({ block: "nearest" });
  aim(next);
});

/** The shield would keep what scrolls inside of the page from scrolling. */
const wheeled = quietly((event: WheelEvent) => {
  let at: Element | null = under(event.clientX, event.clientY) ?? null;
  while (at && at !== document.documentElement) {
    const scrolls = /auto|scroll/.test(getComputedStyle(at).overflowY) && at.scrollHeight > at.clientHeight;
    if (scrolls) return at.scrollBy(event.deltaX, event.deltaY);
    at = at.parentElement;
  }
});
