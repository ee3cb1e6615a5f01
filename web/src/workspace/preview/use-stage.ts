// The stage: the frame with the app, what the page in it tells, and everything one can ask of it.
import type { PickedEvent, PreviewEvent } from "@vitrine/client/bridge";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useUrlState } from "../../components/use-url-state";
import type { SessionHandle } from "../session/use-session";
import type { Place } from "../site/publish-view";
import type { PreviewLog } from "./preview-log";
import { PreviewStore } from "./preview-store";
import { useBridge } from "./use-bridge";
import { type Frame, useFrame } from "./use-frame";
import { usePaint } from "./use-paint";
import { usePreviewStream } from "./use-preview-stream";
import { useRecovery } from "./use-recovery";

/** How long a page may take to follow a word of ours before the frame is loaded the plain way: a cold dev server is slow. */
const FOLLOWS_MS = 6_000;
/** How long a page has to say something before the server is asked what previews elsewhere tell. */
const SILENCE_MS = 5_000;

export interface Stage {
  /** Console, requests, faults and routes of the preview; see `usePreviewLog`. */
  store: PreviewStore;
  frame: Frame | undefined;
  /** For the frame: its `ref` and `onLoad`. */
  attach: (frame: HTMLIFrameElement | null) => void;
  onLoad: () => void;
  /** True when the page in the frame answers; without that there is no way back, no picker, no console. */
  isBridged: boolean;
  route: string;
  go: (route: string) => void;
  back: () => void;
  forward: () => void;
  reload: () => void;
  openTab: () => void;
  /** Starts the session again if need be, then loads the page. */
  startAgain: () => void;
  /** Lets the person choose an element in the page. */
  pick: (on: boolean) => void;
  /** The element that was chosen last and comes from no file of the project: its tag. */
  strayPick: string | undefined;
  /** Why the last thing that was asked for did not work. */
  fault: unknown;
  /** True once the app's page was there: from then on there is a last good page. */
  hasShown: boolean;
  /** How long the page took from being asked for to being there; undefined until that was measured. */
  paintMs: number | undefined;
  /** Takes events that came another way, such as the app's channel. */
  take: (events: readonly PreviewEvent[]) => void;
}

/** `onPlace` is called with where a picked element was written. */
export function useStage(app: string, handle: SessionHandle, onPlace: (place: Place) => void): Stage {
  const { session } = handle;
  const store = useStore(app);
  const [urlRoute, setUrlRoute] = useUrlState("route");
  const [fault, setFault] = useState<unknown>(null);
  const [strayPick, setStrayPick] = useState<string>();
  const route = urlRoute === "" ? "/" : urlRoute;
  const [hasShown, setHasShown] = useState(false);
  const paint = usePaint();
  const { frame, load, openTab } = useFrame(session, handle.fresh, route, paint.asked);
  const isUp = session?.status === "running" || session?.status === "frozen";
  const attempt = (work: Promise<unknown>) => {
    setFault(null);
    work.catch(setFault);
  };
  const onSign = useRecovery(session, () => attempt(load(route)));
  const signs = useRef(0);
  const setRoute = (to: string) => setUrlRoute(to === "/" ? "" : to);

  const { bridge, attach } = useBridge({
    store,
    origin: originOf(session?.preview_url),
    onPicked: (picked) => {
      const place = placeOfPick(picked);
      setStrayPick(place ? undefined : picked.tag);
      if (place) onPlace(place);
    },
    onSign: (event) => {
      signs.current += 1;
      if (event.kind !== "ready" && event.kind !== "navigation") return;
      setRoute(event.route);
      if (event.kind !== "ready") return;
      onSign();
      paint.ready();
      setHasShown(true);
    },
  });
  const take = useCallback((events: readonly PreviewEvent[]) => store.take(events), [store]);
  const alive = session !== undefined && ["starting", "running", "frozen"].includes(session.status);
  usePreviewStream(app, session?.id, useLater(alive && bridge === undefined, SILENCE_MS), take);

  /** Asks the page; one that does not follow is loaded. */
  const ask = (word: () => void, to: string) => {
    setFault(null);
    const before = signs.current;
    paint.asked(isUp);
    word();
    setTimeout(() => signs.current === before && attempt(load(to)), FOLLOWS_MS);
  };
  const reload = () => (bridge ? ask(() => bridge.reload(), route) : attempt(load(route)));
  return {
    store,
    frame,
    attach,
    onLoad: () => {
      signs.current += 1;
      onSign();
      paint.loaded();
      if (isUp) setHasShown(true);
    },
    isBridged: bridge !== undefined,
    route,
    go: (to) => {
      if (to === route) return reload();
      setRoute(to);
      if (bridge) ask(() => bridge.go(to), to);
      else attempt(load(to));
    },
    back: () => bridge?.back(),
    forward: () => bridge?.forward(),
    reload,
    openTab: () => attempt(openTab(route)),
    startAgain: () =>
      attempt(
        handle.ensure().then(async (asked) => {
          if (asked) await load(route);
        }),
      ),
    pick: (on) => {
      setStrayPick(undefined);
      bridge?.pick(on);
    },
    strayPick,
    fault,
    hasShown,
    paintMs: paint.ms,
    take,
  };
}

/** What the preview has told, drawn anew as it tells more. */
export function usePreviewLog({ store }: Pick<Stage, "store">): PreviewLog {
  return useSyncExternalStore(store.subscribe, () => store.log);
}

/** One part of it: what depends on that alone is drawn anew only when that changes. */
export function usePreviewPart<Part>({ store }: Pick<Stage, "store">, part: (log: PreviewLog) => Part): Part {
  return useSyncExternalStore(store.subscribe, () => part(store.log));
}

function useStore(app: string): PreviewStore {
  const held = useRef<{ app: string; store: PreviewStore }>(undefined);
  if (held.current?.app !== app) held.current = { app, store: new PreviewStore(app) };
  return held.current.store;
}

/** True once `wanted` has been so for a while. */
function useLater(wanted: boolean, afterMs: number): boolean {
  const [since, setSince] = useState(false);
  useEffect(() => {
    if (!wanted) return setSince(false);
    const timer = setTimeout(() => setSince(true), afterMs);
    return () => clearTimeout(timer);
  }, [wanted, afterMs]);
  return wanted && since;
}

function originOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).origin;
}

function placeOfPick({ file, line, column }: PickedEvent): Place | undefined {
  if (file === undefined) return undefined;
  return { path: file, ...(line !== undefined && { line }), ...(column !== undefined && { column }) };
}
