// Where in the app the preview is: typed, or chosen from the routes that were seen.
import { Autocomplete } from "@base-ui/react/autocomplete";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./preview-bar.module.css";
import { routeOf } from "./preview-url";
import { suggested } from "./routes";
import { type Stage, usePreviewPart } from "./use-stage";

export function RouteField({ stage, disabled }: { stage: Stage; disabled: boolean }) {
  const { t } = useTranslation("stage");
  const { route } = stage;
  const routes = usePreviewPart(stage, (log) => log.routes);
  const [typed, setTyped] = useState(route);
  const [open, setOpen] = useState(false);
  useEffect(() => setTyped(route), [route]);
  const shown = suggested(routes, typed, route);

  const go = (to: string) => {
    const wanted = routeOf(to);
    setOpen(false);
    setTyped(wanted);
    stage.go(wanted);
  };
  // One that is marked is chosen by the list itself.
  const marked = useRef<string>(undefined);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !(open && marked.current !== undefined)) go(typed);
  };
  return (
    <div className={styles.route}>
      <Autocomplete.Root
        items={shown as string[]}
        filter={null}
        value={typed}
        onValueChange={(value, { reason }) => {
          if (reason === "item-press") go(value);
          // Escape means: where I was, and not: nowhere.
          else setTyped(reason === "escape-key" ? route : value);
        }}
        open={open && shown.length > 0}
        onOpenChange={setOpen}
        openOnInputClick
        onItemHighlighted={(item) => {
          marked.current = item;
        }}
        disabled={disabled}
      >
        <Autocomplete.Input
          className={styles.field}
          aria-label={t("route")}
          spellCheck={false}
          autoCapitalize="off"
          data-testid="route"
          onKeyDown={onKeyDown}
        />
        <Autocomplete.Portal>
          <Autocomplete.Positioner sideOffset={4} align="start">
            <Autocomplete.Popup className={styles.popup} data-testid="routes">
              <Autocomplete.List>
                {(seen: string) => (
                  <Autocomplete.Item key={seen} value={seen} className={styles.option}>
                    {seen}
                  </Autocomplete.Item>
                )}
              </Autocomplete.List>
            </Autocomplete.Popup>
          </Autocomplete.Positioner>
        </Autocomplete.Portal>
      </Autocomplete.Root>
    </div>
  );
}
