// Requests that fail: without an answer, or with a status of 400 and above.
import { cut } from "./inspect";
import { apply, later, now, quietly } from "./native";
import { tell } from "./outlet";
import { OURS } from "./settings";

const MAX_URL = 2_000;

/** How long an element that could not be loaded waits for the browser to say why. */
const STATUS_MS = 300;

/** Kinds of requests that are told where they are made, with their method. */
const TOLD_ELSEWHERE = ["fetch", "xmlhttprequest", "beacon", "navigation"];

/** Addresses of resources that were told, and when. */
const told = new Map<string, number>();

interface Request {
  method: string;
  url: string;
  begin: number;
}

export function watchNetwork(): void {
  watchFetch();
  watchXhr();
  watchResources();
}

function watchFetch(): void {
  const original = window.fetch;
  const wrapped = {
    fetch(this: unknown, ...args: Parameters<typeof fetch>): Promise<Response> {
      const answer: Promise<Response> = apply(original, this ?? window, args);
      let request: Request;
      try {
        request = requestOf(args);
      } catch {
        return answer;
      }
      // The page gets this promise and not the first one: an error that it does not catch stays uncaught.
      return answer.then(
        (response) => {
          if (response.status >= 400) failed(request, { status: response.status });
          return response;
        },
        (error) => {
          // The page has given it up itself.
          if (error?.name !== "AbortError") failed(request, { failure: String(error?.message ?? error) });
          throw error;
        },
      );
    },
  };
  window.fetch = wrapped.fetch as typeof fetch;
}

function requestOf([input, init]: Parameters<typeof fetch>): Request {
  const isRequest = typeof input === "object" && "url" in input;
  const method = init?.method ?? (isRequest ? input.method : "GET");
  return { method: String(method).toUpperCase(), url: isRequest ? input.url : String(input), begin: now() };
}

function watchXhr(): void {
  const { open, send } = XMLHttpRequest.prototype;
  const requests = new WeakMap<XMLHttpRequest, Request>();
  const wrapped = {
    open(this: XMLHttpRequest, ...args: unknown[]): unknown {
      requests.set(this, { method: String(args[0]).toUpperCase(), url: String(args[1]), begin: 0 });
      return apply(open, this, args);
    },
    send(this: XMLHttpRequest, ...args: unknown[]): unknown {
      const request = requests.get(this);
      if (request) {
        request.begin = now();
        const note = (failure: string) => () => failed(request, { failure });
        this.addEventListener("error", note("no answer"), { once: true });
        this.addEventListener("timeout", note("no answer in time"), { once: true });
        this.addEventListener("load", () => this.status >= 400 && failed(request, { status: this.status }), {
          once: true,
        });
      }
      return apply(send, this, args);
    },
  };
  XMLHttpRequest.prototype.open = wrapped.open as typeof open;
  XMLHttpRequest.prototype.send = wrapped.send as typeof send;
}

/** Scripts, styles, pictures: the browser keeps a record of each with its status, except where it must not say. */
function watchResources(): void {
  const note = quietly((list: PerformanceObserverEntryList) => {
    for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
      if (entry.responseStatus < 400 || TOLD_ELSEWHERE.includes(entry.initiatorType)) continue;
      const request = { method: "GET", url: entry.name, begin: now() - entry.duration };
      resourceFailed(request, { status: entry.responseStatus });
    }
  });
  if (PerformanceObserver.supportedEntryTypes.includes("resource")) {
    new PerformanceObserver(note).observe({ type: "resource", buffered: true });
  }
}

/** An element that could not be loaded. */
export function elementFailed(element: Element): void {
  const { src, href, currentSrc } = element as { src?: unknown; href?: unknown; currentSrc?: unknown };
  const url = [currentSrc, src, href].find((address) => typeof address === "string" && address !== "");
  if (typeof url !== "string") return;
  const request = { method: "GET", url, begin: now() };
  later(
    quietly(() => resourceFailed(request, { failure: "could not be loaded" })),
    STATUS_MS,
  );
}

/** Tells once of what the browser reports twice. */
function resourceFailed(request: Request, outcome: { status: number } | { failure: string }): void {
  const last = told.get(request.url) ?? 0;
  if (now() - last < STATUS_MS * 4) return;
  if (told.size > 200) told.clear();
  told.set(request.url, now());
  failed(request, outcome);
}

const failed = quietly((request: Request, outcome: { status: number } | { failure: string }) => {
  const url = new URL(request.url, document.baseURI);
  const isOwn = url.origin === location.origin;
  if (!/^(https?|wss?):$/.test(url.protocol) || (isOwn && url.pathname.startsWith(OURS))) return;
  tell({
    kind: "network",
    method: request.method,
    url: cut(isOwn ? url.href.slice(url.origin.length) : url.href, MAX_URL),
    duration_ms: Math.max(0, now() - request.begin),
    ...outcome,
  });
});
