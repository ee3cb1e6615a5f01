// A page that is quiet and shows nothing: what is left when an app fails without a word.
import type { PreviewEvent } from "../../sdk/client/src/bridge";
import { cancel, later, now, quietly } from "./native";
import { route } from "./navigation";
import { tell } from "./outlet";

/** Nothing has changed for so long: the app has done what it does at the start. */
const QUIET_MS = 1_200;

/** A page that never rests is looked at all the same. */
const MAX_WAIT_MS = 8_000;

/** Elements looked at: a page with so many shows something. */
const MAX_ELEMENTS = 2_000;

/** Show something by themselves. */
const VISIBLE =
  "img,svg,canvas,video,audio,iframe,object,embed,input,button,select,textarea,progress,meter,hr";

let isBlank = false;
let latest: PreviewEvent | undefined;
let timer: number | undefined;
let since = 0;
let observer: MutationObserver | undefined;

/** The event that says so while it is so. */
export function currentBlank(): PreviewEvent | undefined {
  return isBlank ? latest : undefined;
}

/** Looks once the page is quiet, and as long as it is blank. */
export function lookSoon(): void {
  if (timer === undefined) since = now();
  observer ??= watch();
  wait();
}

function wait(): void {
  if (timer !== undefined) {
    if (now() - since > MAX_WAIT_MS) return;
    cancel(timer);
  }
  timer = later(quietly(look), QUIET_MS);
}

function watch(): MutationObserver {
  const watching = new MutationObserver(quietly(wait));
  watching.observe(document.documentElement, { childList: true, subtree: true, characterData: true });
  return watching;
}

function look(): void {
  timer = undefined;
  since = now();
  // A frame that is not shown has no boxes to look at.
  if (window.innerWidth === 0 || window.innerHeight === 0) return;
  const showsNothing = !showsSomething();
  if (showsNothing !== isBlank) {
    isBlank = showsNothing;
    latest = tell(isBlank ? { kind: "blank", route: route() } : { kind: "not_blank" });
  }
  if (!isBlank) {
    observer?.disconnect();
    observer = undefined;
  }
}

function showsSomething(): boolean {
  const { body } = document;
  if (!body) return false;
  // Text as it is rendered: what is hidden does not count.
  if (body.innerText.trim() !== "") return true;
  const has = (element: Element, test: (style: CSSStyleDeclaration) => boolean) => {
    const { width, height } = element.getBoundingClientRect();
    if (width < 1 || height < 1) return false;
    const style = getComputedStyle(element);
    return style.visibility === "visible" && style.opacity !== "0" && test(style);
  };
  for (const element of body.querySelectorAll(VISIBLE)) if (has(element, () => true)) return true;
  const all = body.querySelectorAll("*");
  if (all.length > MAX_ELEMENTS) return true;
  const isPainted = (style: CSSStyleDeclaration) => {
    const hasColor = !/^(transparent|rgba\(.*, 0\))$/.test(style.backgroundColor);
    return style.backgroundImage !== "none" || (hasColor && style.position !== "static");
  };
  for (const element of all) {
    if (element.shadowRoot || has(element, isPainted)) return true;
  }
  return false;
}
