// Above the preview: reload, where in the app, how wide, and a tab of its own.
import { type FormEvent, useEffect, useState } from "react";
import { IconButton } from "../../components/button";
import { strings } from "../../strings";
import styles from "./preview.module.css";
import { routeOf } from "./preview-url";

const text = strings.preview;

interface PreviewBarProps {
  route: string;
  phone: boolean;
  disabled: boolean;
  onGo: (route: string) => void;
  onPhone: (phone: boolean) => void;
  onOpenTab: () => void;
}

export function PreviewBar({ route, phone, disabled, onGo, onPhone, onOpenTab }: PreviewBarProps) {
  const [typed, setTyped] = useState(route);
  useEffect(() => setTyped(route), [route]);
  const go = (event: FormEvent) => {
    event.preventDefault();
    const wanted = routeOf(typed);
    setTyped(wanted);
    onGo(wanted);
  };
  return (
    <form className={styles.bar} onSubmit={go}>
      <IconButton icon="reload" label={text.reload} disabled={disabled} onClick={() => onGo(route)} />
      <input
        className={styles.route}
        aria-label={text.route}
        spellCheck={false}
        autoCapitalize="off"
        value={typed}
        disabled={disabled}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && setTyped(route)}
      />
      <fieldset className={styles.widths} aria-label={text.width}>
        <IconButton icon="monitor" label={text.full} aria-pressed={!phone} onClick={() => onPhone(false)} />
        <IconButton icon="phone" label={text.phone} aria-pressed={phone} onClick={() => onPhone(true)} />
      </fieldset>
      <IconButton icon="external" label={text.openTab} disabled={disabled} onClick={onOpenTab} />
    </form>
  );
}
