// A workspace: an app with its live preview, made, opened and deleted.
import type { AppHandle, AppView, NewAppBody, SessionView, VitrineError } from "@vitrine/client";
import { useCallback, useEffect, useMemo, useState } from "react";
import { asError } from "./faults.js";
import { noSession } from "./nobody.js";
import { useShared } from "./provider.js";
import { useStore } from "./store.js";

export interface Workspace {
  id: string;
  name: string;
  /** The app as it was when it was opened. */
  view: AppView;
  /** Its calls. */
  app: AppHandle;
  /** Its preview, once it is known. */
  session: SessionView | undefined;
}

export interface UseWorkspaceOptions {
  /** Called with the new app's id, which is what to remember: in your database, or the page's address. */
  onCreated?: (id: string) => void;
  onDeleted?: (id: string) => void;
}

export interface UseWorkspace {
  /** Undefined while there is none: not yet loaded, not yet made, deleted. */
  workspace: Workspace | undefined;
  /** True while it is loaded, made or deleted. */
  isLoading: boolean;
  error: VitrineError | undefined;
  /** Makes an app and starts its preview. Answers undefined when that failed; `error` says why. */
  createWorkspace: (app: NewAppBody) => Promise<Workspace | undefined>;
  /** Deletes the app, with everything that was published. Answers whether that was done. */
  deleteWorkspace: () => Promise<boolean>;
  /** Gives it another name. */
  renameWorkspace: (name: string) => Promise<boolean>;
}

interface Opened {
  id: string;
  view: AppView;
}

/**
 * The workspace of the app with this id, or none yet. Its preview is started. When the component goes away, the preview
 * stays: it goes to sleep by itself when nobody looks, and whoever comes back finds it as it was.
 */
export function useWorkspace(appId?: string, options: UseWorkspaceOptions = {}): UseWorkspace {
  const { client, storesOf } = useShared();
  const [opened, setOpened] = useState<Opened>();
  const [made, setMade] = useState<string>();
  const [gone, setGone] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<VitrineError>();
  const { onCreated, onDeleted } = options;
  const wanted = appId ?? made;
  // Whoever holds the id of a deleted app need not forget it at once.
  const id = wanted === gone ? undefined : wanted;

  useEffect(() => {
    if (id === undefined || opened?.id === id) return;
    const ended = new AbortController();
    setError(undefined);
    client
      .app(id)
      .get({ signal: ended.signal })
      .then(
        (view) => setOpened({ id, view }),
        (fault: unknown) => !ended.signal.aborted && setError(asError(fault)),
      );
    return () => ended.abort();
  }, [client, id, opened?.id]);

  const current = opened && opened.id === id ? opened : undefined;
  const store = current ? storesOf(current.id).session : noSession;
  const { session } = useStore(store);
  useEffect(() => {
    if (current) storesOf(current.id).session.want();
  }, [current, storesOf]);

  const busy = useCallback(async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    setBusy(true);
    setError(undefined);
    try {
      return await work();
    } catch (fault) {
      setError(asError(fault));
      return undefined;
    } finally {
      setBusy(false);
    }
  }, []);

  const createWorkspace = useCallback(
    (app: NewAppBody) =>
      busy(async () => {
        const { id: fresh, view } = await client.apps.create({ session: true, ...app });
        setOpened({ id: fresh, view });
        setMade(fresh);
        onCreated?.(fresh);
        const calls = storesOf(fresh).app;
        return { id: fresh, name: view.name, view, app: calls, session: view.session ?? undefined };
      }),
    [busy, client, onCreated, storesOf],
  );

  const deleteWorkspace = useCallback(async () => {
    if (id === undefined) return false;
    const done = await busy(async () => {
      await client.app(id).delete();
      setOpened(undefined);
      setGone(id);
      onDeleted?.(id);
      return true;
    });
    return done === true;
  }, [busy, client, id, onDeleted]);

  const renameWorkspace = useCallback(
    async (name: string) => {
      if (id === undefined) return false;
      const view = await busy(() => client.app(id).update({ name }));
      if (view) setOpened({ id, view });
      return view !== undefined;
    },
    [busy, client, id],
  );

  const workspace = useMemo<Workspace | undefined>(() => {
    if (!current) return undefined;
    return {
      id: current.id,
      name: current.view.name,
      view: current.view,
      app: storesOf(current.id).app,
      session,
    };
  }, [current, session, storesOf]);
  const isLoading = isBusy || (id !== undefined && !current && !error);
  return { workspace, isLoading, error, createWorkspace, deleteWorkspace, renameWorkspace };
}
