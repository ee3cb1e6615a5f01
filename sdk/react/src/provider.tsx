// Which Vitrine the components below speak to, and in which language they speak to people.
import type { AppHandle, Vitrine } from "@vitrine/client";
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { DraftStore } from "./draft-store.js";
import { EventsStore } from "./events-store.js";
import { LiveStore } from "./live-store.js";
import { PublishStore } from "./publish-store.js";
import { SessionStore } from "./session-store.js";
import { type Language, type Texts, textsOf } from "./texts.js";

/** What components know together about one app, so that each question is asked once. */
export interface AppStores {
  app: AppHandle;
  session: SessionStore;
  publish: PublishStore;
  draft: DraftStore;
  events: EventsStore;
  live: LiveStore;
}

interface Shared {
  client: Vitrine;
  texts: Texts;
  isLive: boolean;
  storesOf(appId: string): AppStores;
}

const Context = createContext<Shared | undefined>(undefined);

export interface VitrineProviderProps {
  /** Make it once, outside of the component: another client forgets what the old one has seen. */
  client: Vitrine;
  /** What people read: English, or German. */
  language?: Language;
  /** Words of your own in place of some. */
  texts?: Partial<Texts>;
  /**
   * Opens a channel for each app that is looked at: what others do is seen at once, and who they are. Your server has to
   * pass WebSockets on (`gate.upgrade`).
   */
  live?: boolean;
  children: ReactNode;
}

export function VitrineProvider(props: VitrineProviderProps) {
  const { client, language = "en", texts, live = false, children } = props;
  const storesOf = useMemo(() => storesFor(client), [client]);
  const shared = useMemo(
    () => ({ client, storesOf, isLive: live, texts: { ...textsOf(language), ...texts } }),
    [client, storesOf, live, language, texts],
  );
  return <Context.Provider value={shared}>{children}</Context.Provider>;
}

export function useShared(): Shared {
  const shared = useContext(Context);
  if (!shared) throw new Error("Put <VitrineProvider client={…}> around what uses Vitrine.");
  return shared;
}

/** The client, for whatever has no hook. */
export function useVitrine(): Vitrine {
  return useShared().client;
}

export function useStores(appId: string): AppStores {
  const { storesOf, isLive } = useShared();
  const stores = storesOf(appId);
  useEffect(() => (isLive ? stores.live.subscribe(() => undefined) : undefined), [isLive, stores]);
  return stores;
}

function storesFor(client: Vitrine): (appId: string) => AppStores {
  const known = new Map<string, AppStores>();
  return (appId) => {
    const found = known.get(appId);
    if (found) return found;
    const app = client.app(appId);
    const told = {
      session: new SessionStore(app),
      publish: new PublishStore(app),
      draft: new DraftStore(app),
    };
    const made = { app, ...told, events: new EventsStore(), live: new LiveStore(app, told) };
    known.set(appId, made);
    return made;
  };
}
