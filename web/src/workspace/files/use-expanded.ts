// Which folders are open: the source folders at first, the way to the file being edited, and what the person opened.
import { useCallback, useState } from "react";

const OPEN_AT_FIRST = new Set(["src", "app", "pages"]);

export function useExpanded(activePath: string) {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isExpanded = useCallback(
    (folder: string) =>
      chosen.get(folder) ?? (OPEN_AT_FIRST.has(folder) || activePath.startsWith(`${folder}/`)),
    [chosen, activePath],
  );
  const setExpanded = useCallback(
    (folder: string, expanded: boolean) => setChosen((before) => new Map(before).set(folder, expanded)),
    [],
  );
  return { isExpanded, setExpanded };
}
