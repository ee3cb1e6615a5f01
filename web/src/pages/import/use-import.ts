// The way of a folder or a .zip to a new app: read, packed, sent, unpacked; it can be stopped at any point.
import { useQueryClient } from "@tanstack/react-query";
import i18next from "i18next";
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { importApp } from "../../api/calls";
import { showToast } from "../../components/toast";
import { type Collected, chosenFolder, type Dropped, readFolder } from "./collect";
import { checkLimits, checkTotal, LIMITS } from "./project-files";

export type ImportPhase =
  | { kind: "idle"; stopped?: boolean; error?: unknown }
  | { kind: "reading"; name: string; found: number }
  | { kind: "packing"; name: string; done: number; total: number }
  | { kind: "sending"; name: string; sent: number; total: number }
  | { kind: "unpacking"; name: string };

export type Source = Dropped | { kind: "files"; list: readonly File[] };

/** Names that are told of; a message is no list. */
const TOLD = 4;

export function useImport() {
  const queryClient = useQueryClient();
  const [, navigate] = useLocation();
  const [phase, setPhase] = useState<ImportPhase>({ kind: "idle" });
  const running = useRef<AbortController>(undefined);

  const start = async (source: Source) => {
    if (running.current) return;
    const control = new AbortController();
    running.current = control;
    try {
      const { name, archive, leftOut } = await archiveOf(source, setPhase, control.signal);
      const onSent = (sent: number, total: number) =>
        setPhase(sent < total ? { kind: "sending", name, sent, total } : { kind: "unpacking", name });
      onSent(0, archive.size);
      const app = await importApp(
        name || i18next.t("home:defaultNamePlain"),
        archive,
        onSent,
        control.signal,
      );
      tellLeftOut([...leftOut, ...(app.skipped ?? [])]);
      queryClient.setQueryData(["app", app.id], app);
      void queryClient.invalidateQueries({ queryKey: ["apps"] });
      setPhase({ kind: "idle" });
      navigate(`/apps/${app.id}`);
    } catch (error) {
      setPhase(control.signal.aborted ? { kind: "idle", stopped: true } : { kind: "idle", error });
    } finally {
      running.current = undefined;
    }
  };
  return { phase, start, stop: () => running.current?.abort(), refuse: setPhase };
}

async function archiveOf(
  source: Source,
  onPhase: (phase: ImportPhase) => void,
  signal: AbortSignal,
): Promise<{ name: string; archive: Blob; leftOut: string[] }> {
  if (source.kind === "zip") {
    const { file } = source;
    checkTotal(file.name, file.size, LIMITS.archiveBytes);
    return { name: file.name.replace(/\.zip$/i, "").trim(), archive: file, leftOut: [] };
  }
  const { name, files, leftOut } = await collected(source, onPhase, signal);
  checkLimits(name, files);
  const total = files.length;
  onPhase({ kind: "packing", name, done: 0, total });
  // Loaded when there is something to pack.
  const { pack } = await import("./pack");
  const archive = await pack(name, files, (done) => onPhase({ kind: "packing", name, done, total }), signal);
  return { name, archive, leftOut };
}

async function collected(
  source: Exclude<Source, { kind: "zip" }>,
  onPhase: (phase: ImportPhase) => void,
  signal: AbortSignal,
): Promise<Collected> {
  if (source.kind === "files") return chosenFolder(source.list);
  const { name } = source.entry;
  return readFolder(source.entry, (found) => onPhase({ kind: "reading", name, found }), signal);
}

function tellLeftOut(parts: readonly string[]): void {
  if (parts.length === 0) return;
  const told = [...new Set(parts)].slice(0, TOLD);
  const names = [...told, ...(parts.length > TOLD ? ["…"] : [])].join(", ");
  showToast({
    title: i18next.t("home:import.leftOut", { names }),
    description: i18next.t("home:import.leftOutDetail"),
  });
}
