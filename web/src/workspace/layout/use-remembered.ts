import { useCallback, useState } from "react";
import { readStored, writeStored } from "../../components/stored";
import { clamp, type Range } from "./split";

/** A size that this browser remembers. */
export function useRemembered(key: string, initial: number, range: Range): [number, (value: number) => void] {
  const [value, setValue] = useState(() => {
    const stored = Number.parseFloat(readStored(key) ?? "");
    return Number.isFinite(stored) ? clamp(stored, range) : initial;
  });
  const remember = useCallback(
    (next: number) => {
      setValue(next);
      writeStored(key, next.toFixed(1));
    },
    [key],
  );
  return [value, remember];
}
