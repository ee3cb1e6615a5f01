// Whether the drawer is open, and at which tab: in the URL while it is, remembered by this browser for the next time.
import { type RefObject, useRef } from "react";
import { readStored, writeStored } from "../../components/stored";
import { useUrlState } from "../../components/use-url-state";
import { type DrawerTab, drawerTabOf } from "./tabs";

const KEY = "drawer-tab";

interface Layout {
  isPhone: boolean;
  /** On a phone: the panel whose turn it is. */
  panel: string;
  setPanel: (panel: string) => void;
}

export interface DrawerHandle {
  shown: boolean;
  tab: DrawerTab;
  /** Opens it at `tab`, or where it was last. */
  show: (tab?: DrawerTab) => void;
  /** Closes it; the focus goes to what opens it. */
  hide: () => void;
  /** Where the focus goes when it is closed. */
  button: RefObject<HTMLButtonElement | null>;
}

export function useDrawer({ isPhone, panel, setPanel }: Layout): DrawerHandle {
  const [name, setName] = useUrlState("log");
  const button = useRef<HTMLButtonElement>(null);
  const last = drawerTabOf(readStored(KEY)) ?? "console";
  return {
    shown: isPhone ? panel === "log" : name !== "",
    tab: drawerTabOf(name) ?? last,
    show: (tab = last) => {
      writeStored(KEY, tab);
      setName(tab);
      if (isPhone) setPanel("log");
    },
    hide: () => {
      if (isPhone) setPanel("");
      else setName("");
      button.current?.focus();
    },
    button,
  };
}
