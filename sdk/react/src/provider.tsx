// Which Vitrine the components below speak to, and in which language they speak to people.
import type { AppHandle, Vitrine } from "@vitrine/client";
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { DraftStore } from "./draft-store.js";
import { EventsStore } from "./events-store.js";
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
}

interface Shared {
  client: Vitrine;
  texts: Texts;
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
  children: ReactNode;
}

export function VitrineProvider({ client, language = "en", texts, children }: VitrineProviderProps) {
  const storesOf = useMemo(() => storesFor(client), [client]);
  const shared = useMemo(
    () => ({ client, storesOf, texts: { ...textsOf(language), ...texts } }),
    [client, storesOf, language, texts],
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
  return useShared().storesOf(appId);
}

function storesFor(client: Vitrine): (appId: string) => AppStores {
  const known = new Map<string, AppStores>();
  return (appId) => {
    const found = known.get(appId);
    if (found) return found;
    const app = client.app(appId);
    const made = {
      app,
      session: new SessionStore(app),
      publish: new PublishStore(app),
      draft: new DraftStore(app),
      events: new EventsStore(),
    };
    known.set(appId, made);
    return made;
  };
}
