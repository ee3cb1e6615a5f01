// A path to type in the place where it will stand: Enter takes it, Escape or leaving it empty gives up.
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./file-tree.module.css";

interface PathInputProps {
  label: string;
  initial: string;
  /** Answers what is wrong with the path, or null when it is done. */
  onSubmit: (path: string) => Promise<string | null>;
  onClose: () => void;
}

export function PathInput({ label, initial, onSubmit, onClose }: PathInputProps) {
  const { t } = useTranslation("files");
  const input = useRef<HTMLInputElement>(null);
  const [path, setPath] = useState(initial);
  const [fault, setFault] = useState<string | null>(null);

  useEffect(() => {
    const element = input.current;
    if (!element) return;
    element.focus();
    // The name without its folder and extension: what most people want to change.
    const start = initial.lastIndexOf("/") + 1;
    const dot = initial.lastIndexOf(".");
    element.setSelectionRange(start, dot > start ? dot : initial.length);
    element.scrollLeft = element.scrollWidth;
  }, [initial]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = path.trim();
    if (wanted === "" || wanted === initial) return onClose();
    const answer = await onSubmit(wanted);
    if (answer === null) onClose();
    else setFault(answer);
  };
  return (
    <form className={styles.pathForm} onSubmit={submit}>
      <input
        ref={input}
        className={styles.pathInput}
        aria-label={label}
        aria-invalid={fault !== null}
        placeholder={t("namePlaceholder")}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={path}
        data-testid="path-input"
        onChange={(event) => {
          setPath(event.target.value);
          setFault(null);
        }}
        onBlur={() => fault === null && (path.trim() === "" || path === initial) && onClose()}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") onClose();
        }}
      />
      {fault && (
        <p className={styles.fault} role="alert">
          {fault}
        </p>
      )}
    </form>
  );
}
