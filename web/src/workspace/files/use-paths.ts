// The paths of the draft, as the same list for as long as they are the same: saving a file changes none of them.
import { useRef } from "react";
import type { Tree } from "../../api/types";

export function usePaths(files: Tree): readonly string[] {
  const known = useRef<readonly string[]>([]);
  const paths = Object.keys(files);
  const before = known.current;
  const isSame = paths.length === before.length && paths.every((path, index) => path === before[index]);
  if (!isSame) known.current = paths;
  return known.current;
}
