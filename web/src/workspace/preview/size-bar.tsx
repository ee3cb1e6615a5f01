// The size of the screen in numbers, turned by a quarter, fitted into the stage or as large as it is.
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../../components/button";
import { boundedSide, FILL, SIDE, type Size, turnedView, type View } from "./devices";
import styles from "./screen.module.css";

interface SizeBarProps {
  view: View;
  size: Size;
  /** How much smaller it is shown. */
  scale: number;
  isFitted: boolean;
  onView: (view: View) => void;
  onFit: (fits: boolean) => void;
}

export function SizeBar({ view, size, scale, isFitted, onView, onFit }: SizeBarProps) {
  const { t } = useTranslation("stage");
  const resize = (part: Partial<Size>) => onView({ kind: "custom", size: { ...size, ...part } });
  return (
    <div className={styles.sizes} data-testid="size-bar">
      <Side name={t("size.width")} value={size.width} onChange={(width) => resize({ width })} />
      <span aria-hidden="true">×</span>
      <Side name={t("size.height")} value={size.height} onChange={(height) => resize({ height })} />
      <IconButton
        small
        icon="rotate"
        label={t("size.rotate")}
        data-testid="rotate"
        onClick={() => onView(turnedView(view))}
      />
      <Button
        small
        aria-pressed={isFitted}
        title={isFitted ? t("size.actual") : t("size.fit")}
        data-testid="zoom"
        onClick={() => onFit(!isFitted)}
      >
        {t("size.scale", { percent: Math.round(scale * 100) })}
      </Button>
      <IconButton small icon="close" label={t("size.fill")} onClick={() => onView(FILL)} />
    </div>
  );
}

interface SideProps {
  name: string;
  value: number;
  onChange: (value: number) => void;
}

/** A number that counts once it is complete: while it is typed it may be any. */
function Side({ name, value, onChange }: SideProps) {
  const [typed, setTyped] = useState(String(value));
  useEffect(() => setTyped(String(value)), [value]);
  const settle = (event?: FormEvent) => {
    event?.preventDefault();
    const wanted = Number.parseInt(typed, 10);
    if (!Number.isFinite(wanted)) return setTyped(String(value));
    const side = boundedSide(wanted);
    setTyped(String(side));
    if (side !== value) onChange(side);
  };
  return (
    <form onSubmit={settle}>
      <input
        className={styles.side}
        type="number"
        aria-label={name}
        min={SIDE.min}
        max={SIDE.max}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => settle()}
      />
    </form>
  );
}
