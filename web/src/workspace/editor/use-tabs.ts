// The files open in tabs: which ones is remembered per app, which one is shown is in the URL.
import { useCallback, useEffect, useMemo, useState } from "react";
import { readStored, writeStored } from "../../components/stored";
import { useUrlState } from "../../components/use-url-state";
import type { DraftState } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";

export interface Tabs {
  paths: readonly string[];
  /** Empty when none is shown. */
  active: string;
  open: (path: string) => void;
  close: (path: string) => void;
  /** A file, or a folder with files in it, has another path now. */
  moved: (from: string, to: string) => void;
}

/** `entryFile` is opened where nothing was open before. */
export function useTabs(
  app: string,
  draft: DraftSync,
  state: DraftState,
  entryFile: string | undefined,
): Tabs {
  const [own, setPaths] = useState(() => remembered(app));
  const [active, setActive] = useUrlState("file");

  const paths = useMemo(() => own ?? (entryFile === undefined ? [] : [entryFile]), [own, entryFile]);
  useEffect(() => {
    if (own) writeStored(`tabs.${app}`, JSON.stringify(own));
  }, [app, own]);

  const open = useCallback(
    (path: string) => {
      setPaths(paths.includes(path) ? [...paths] : [...paths, path]);
      setActive(path);
    },
    [paths, setActive],
  );
  const close = useCallback(
    (path: string) => {
      draft.close(path);
      const index = paths.indexOf(path);
      const rest = paths.filter((other) => other !== path);
      setPaths(rest);
      if (path === active) setActive(rest[Math.min(index, rest.length - 1)] ?? "");
    },
    [draft, paths, active, setActive],
  );
  const moved = useCallback(
    (from: string, to: string) => {
      const follow = (path: string) =>
        path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
      setPaths(paths.map(follow));
      setActive(follow(active));
    },
    [paths, active, setActive],
  );

  // What is gone from the draft is gone from the tabs, unless somebody's text is still in it.
  const known = (path: string) => state.version === null || path in state.files || state.openFiles.has(path);
  const shown = [...new Set(active === "" ? paths : [...paths, active])].filter(known);
  const shownActive = shown.includes(active) ? active : (shown.at(-1) ?? "");
  useEffect(() => {
    if (shownActive !== "") draft.open(shownActive);
  }, [draft, shownActive]);

  return { paths: shown, active: shownActive, open, close, moved };
}

/** The tabs of the last visit; undefined when there was none. */
function remembered(app: string): string[] | undefined {
  try {
    const paths: unknown = JSON.parse(readStored(`tabs.${app}`) ?? "");
    return Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : undefined;
  } catch {
    return undefined;
  }
}
