// The machine as it is, asked every few seconds while the page is looked at.
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { getMachine } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { MachineView } from "../../api/types";
import { EVERY_MS, HISTORY_POINTS, type Load, loadBetween } from "./figures";

/** How many previews are listed. */
const LISTED = 100;
/** The load is the difference of two answers: the second one comes soon. */
const FIRST_MS = 1_000;

interface Seen {
  machine: MachineView;
  load: Load | undefined;
  /** The load of the whole machine, the newest last. */
  history: readonly number[];
}

/** Nothing is asked while `isPaused`, nor while the tab is not visible. */
export function useMachine(isPaused: boolean) {
  const last = useRef<Seen>(undefined);
  return useQuery({
    queryKey: ["machine"],
    queryFn: async ({ signal }): Promise<Seen> => {
      const machine = await getMachine(LISTED, signal);
      const load = loadBetween(last.current?.machine, machine);
      const all = [...(last.current?.history ?? []), ...(load?.all === undefined ? [] : [load.all])];
      last.current = { machine, load, history: all.slice(-HISTORY_POINTS) };
      return last.current;
    },
    // The next one comes by itself: only a hiccup is passed over.
    retry: (failures, error) => asProblem(error).isTransient && failures < 1,
    gcTime: 0,
    staleTime: 0,
    refetchOnWindowFocus: !isPaused,
    refetchOnReconnect: !isPaused,
    refetchInterval: (query) => {
      const { data, error } = query.state;
      if (isPaused) return false;
      // Without a processor's figures there is no load to wait for; of a server in trouble nothing is asked in a hurry.
      const isFirst = data?.load === undefined && data?.machine.cpu_micros !== undefined;
      return isFirst && error === null ? FIRST_MS : EVERY_MS;
    },
  });
}
