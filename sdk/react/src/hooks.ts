// An app's session, publish, draft and events, and the templates, as hooks. What several components ask is asked once.
import type { NewPublish, PublishStep, SessionStatus, TemplateView, VitrineError } from "@vitrine/client";
import { useEffect, useState } from "react";
import type { DraftState, DraftStore } from "./draft-store.js";
import type { EventsState } from "./events-store.js";
import { asError } from "./faults.js";
import type { LiveState, LiveStore } from "./live-store.js";
import { nobody } from "./nobody.js";
import { useShared, useStores, useVitrine } from "./provider.js";
import type { PublishState, PublishStore } from "./publish-store.js";
import type { SessionState, SessionStore } from "./session-store.js";
import { useStore } from "./store.js";

export interface UseSession extends SessionState {
  status: SessionStatus | undefined;
  /** True until it is known how the session is, and while it starts. */
  isLoading: boolean;
  ensure: SessionStore["ensure"];
  restart: SessionStore["restart"];
  stop: SessionStore["stop"];
  /** The session with a `preview_url` that was not used yet. */
  fresh: SessionStore["fresh"];
}

/** The app's live preview. It is started, unless `start` is false, and never ended by a component that goes away. */
export function useSession(appId: string, { start = true }: { start?: boolean } = {}): UseSession {
  const { session: store } = useStores(appId);
  const state = useStore(store);
  useEffect(() => {
    if (start) store.want();
  }, [store, start]);
  const status = state.session?.status;
  return {
    ...state,
    status,
    isLoading: !state.error && (status === undefined ? start : status === "starting"),
    ensure: store.ensure,
    restart: store.restart,
    stop: store.stop,
    fresh: store.fresh,
  };
}

export interface UsePublish extends PublishState {
  /** The step that is under way. */
  step: PublishStep | undefined;
  /** Publishes the draft as it is; answers the publish when it has ended. */
  start: (wish?: NewPublish) => ReturnType<PublishStore["start"]>;
  cancel: PublishStore["cancel"];
}

/** The app's latest publish. One that is under way goes on when the component goes away, and is found again. */
export function usePublish(appId: string): UsePublish {
  const { publish: store } = useStores(appId);
  const state = useStore(store);
  const step = state.isPublishing
    ? state.publish?.steps.find(({ status }) => status === "active")
    : undefined;
  return { ...state, step, start: store.start, cancel: store.cancel };
}

export interface UseDraft extends DraftState {
  read: DraftStore["read"];
  write: DraftStore["write"];
  refresh: () => Promise<void>;
}

/** The app's files. What others change is seen within ten seconds. */
export function useDraft(appId: string): UseDraft {
  const { draft: store } = useStores(appId);
  const state = useStore(store);
  return { ...state, read: store.read, write: store.write, refresh: store.refresh };
}

export interface UsePreviewEvents extends EventsState {
  clear: () => void;
}

/** What the page in this app's `<WorkspacePreview>` has told: console, faults, failed requests. */
export function usePreviewEvents(appId: string): UsePreviewEvents {
  const { events: store } = useStores(appId);
  return { ...useStore(store), clear: store.clear };
}

export interface UsePresence extends LiveState {
  /** Tells the others what this person looks at; may be called with every key. */
  setPlace: LiveStore["setPlace"];
}

/** Who else has the app open, and where they are. Needs `live` at the provider; without it there is nobody. */
export function usePresence(appId: string): UsePresence {
  const { live: store } = useStores(appId);
  const isLive = useShared().isLive;
  const state = useStore(isLive ? store : nobody);
  return { ...state, setPlace: store.setPlace };
}

export interface UseTemplates {
  templates: TemplateView[] | undefined;
  isLoading: boolean;
  error: VitrineError | undefined;
}

/** What apps can be made of. */
export function useTemplates(): UseTemplates {
  const client = useVitrine();
  const [state, setState] = useState<Omit<UseTemplates, "isLoading">>({
    templates: undefined,
    error: undefined,
  });
  useEffect(() => {
    const ended = new AbortController();
    client.templates.list({ signal: ended.signal }).then(
      ({ items }) => setState({ templates: items, error: undefined }),
      (error: unknown) => !ended.signal.aborted && setState({ templates: undefined, error: asError(error) }),
    );
    return () => ended.abort();
  }, [client]);
  return { ...state, isLoading: !state.templates && !state.error };
}
