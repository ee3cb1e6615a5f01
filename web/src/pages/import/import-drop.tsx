// A new app from a folder or a .zip: dropped anywhere on the page, or chosen here.
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommands } from "../../commands/commands";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { countOf, memoryOf, sizeOf } from "../../components/format";
import { Notice, ProblemNotice } from "../../components/notice";
import { droppedOf, isZip } from "./collect";
import styles from "./import-drop.module.css";
import { LIMITS, NotImportable } from "./project-files";
import { type ImportPhase, type Source, useImport } from "./use-import";

export function ImportDrop() {
  const { t } = useTranslation(["home", "common"]);
  const { phase, start, stop, refuse } = useImport();
  const wrong = () => refuse({ kind: "idle", error: new NotImportable(t("import.notAProject")) });
  const isOver = usePageDrop((transfer) => {
    const dropped = droppedOf(transfer);
    if (dropped) void start(dropped);
    else wrong();
  });
  return (
    <section
      className={`${card.card} ${styles.drop}`}
      data-over={isOver}
      aria-labelledby="import-title"
      data-testid="import"
    >
      <h2 id="import-title" className={styles.title}>
        {isOver ? t("import.dropHere") : t("import.title")}
      </h2>
      {phase.kind === "idle" ? (
        <>
          <Chooser onChoose={(source) => void start(source)} onWrong={wrong} />
          <Outcome phase={phase} />
        </>
      ) : (
        <>
          <Progress phase={phase} />
          <Button small onClick={stop}>
            {t("common:cancel")}
          </Button>
        </>
      )}
    </section>
  );
}

interface ChooserProps {
  onChoose: (source: Source) => void;
  onWrong: () => void;
}

/** The browser's own windows for choosing, and what may be chosen. */
function Chooser({ onChoose, onWrong }: ChooserProps) {
  const { t } = useTranslation("home");
  const zip = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const ways = [
    { id: "import.folder", title: t("import.chooseFolder"), run: () => folder.current?.click() },
    { id: "import.zip", title: t("import.chooseZip"), run: () => zip.current?.click() },
  ];
  useCommands(ways.map((way) => ({ ...way, section: t("import.title") })));
  const onZip = (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    event.target.value = "";
    if (!file) return;
    if (isZip(file)) onChoose({ kind: "zip", file });
    else onWrong();
  };
  const onFolder = (event: ChangeEvent<HTMLInputElement>) => {
    const list = [...(event.target.files ?? [])];
    event.target.value = "";
    if (list.length > 0) onChoose({ kind: "files", list });
  };
  const limits = {
    files: countOf(LIMITS.files),
    fileSize: memoryOf(LIMITS.fileBytes),
    total: memoryOf(LIMITS.archiveBytes),
  };
  return (
    <>
      <p className={styles.hint}>{t("import.hint")}</p>
      <div className={styles.buttons}>
        {ways.map(({ id, title, run }) => (
          <Button key={id} small onClick={run}>
            {title}
          </Button>
        ))}
      </div>
      <p className={card.quiet}>{t("import.limits", limits)}</p>
      <input
        ref={zip}
        type="file"
        accept=".zip,application/zip"
        hidden
        onChange={onZip}
        data-testid="import-file"
      />
      <input ref={folder} type="file" hidden onChange={onFolder} data-testid="import-folder" {...FOLDER} />
    </>
  );
}

/** React does not know this attribute. */
const FOLDER = { webkitdirectory: "" };

function Outcome({ phase }: { phase: Extract<ImportPhase, { kind: "idle" }> }) {
  const { t } = useTranslation("home");
  const { stopped, error } = phase;
  if (stopped)
    return (
      <p className={card.quiet} role="status">
        {t("import.cancelled")}
      </p>
    );
  if (error instanceof NotImportable) return <Notice title={t("import.wrongTitle")}>{error.message}</Notice>;
  return error === undefined ? null : <ProblemNotice error={error} />;
}

function Progress({ phase }: { phase: Exclude<ImportPhase, { kind: "idle" }> }) {
  const { t } = useTranslation("home");
  const { name } = phase;
  const words = () => {
    if (phase.kind === "reading") return t("import.reading", { name, found: countOf(phase.found) });
    if (phase.kind === "packing")
      return t("import.packing", { name, done: countOf(phase.done), total: countOf(phase.total) });
    if (phase.kind === "sending")
      return t("import.sending", { name, sent: sizeOf(phase.sent), total: sizeOf(phase.total) });
    return t("import.unpacking", { name });
  };
  return (
    <>
      {/* Every figure read aloud would drown the rest: the step is. */}
      <p className="visually-hidden" role="status">
        {t(`import.steps.${phase.kind}`)}
      </p>
      <p className={styles.hint}>{words()}</p>
      <progress className={styles.progress} aria-label={t("import.title")} {...shareOf(phase)} />
    </>
  );
}

function shareOf(phase: Exclude<ImportPhase, { kind: "idle" }>): { value?: number; max?: number } {
  if (phase.kind === "packing") return { value: phase.done, max: phase.total };
  return phase.kind === "sending" ? { value: phase.sent, max: phase.total } : {};
}

/** Files dropped anywhere on the page; without this a browser would open them and leave. True while some hover. */
function usePageDrop(onDrop: (transfer: DataTransfer) => void): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(onDrop);
  latest.current = onDrop;
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    // Left for good only when it goes to nothing of the page.
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      setOver(false);
      latest.current(event.dataTransfer);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}
