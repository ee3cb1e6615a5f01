// A new app from a .zip, dropped or chosen.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ChangeEvent, type DragEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { importApp } from "../api/calls";
import { Button } from "../components/button";
import { Notice, ProblemNotice } from "../components/notice";
import { strings } from "../strings";
import styles from "./import-drop.module.css";

const text = strings.home;

export function ImportDrop() {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [wrong, setWrong] = useState(false);
  const importing = useImport();

  const take = (file: File | undefined) => {
    if (!file) return;
    const isZip = file.name.toLowerCase().endsWith(".zip");
    setWrong(!isZip);
    if (isZip) importing.mutate(file);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  const onChoose = (event: ChangeEvent<HTMLInputElement>) => {
    take(event.target.files?.[0]);
    event.target.value = "";
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups inputs; this is a place to drop a file
    <section
      role="group"
      className={styles.drop}
      data-over={over}
      aria-label={text.importTitle}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <h2 className={styles.title}>{text.importTitle}</h2>
      <p className={styles.hint}>
        {importing.isPending ? text.importing(importing.variables.name) : text.importHint}
      </p>
      <input
        ref={input}
        type="file"
        accept=".zip,application/zip"
        hidden
        onChange={onChoose}
        data-testid="import-file"
      />
      <Button small disabled={importing.isPending} onClick={() => input.current?.click()}>
        {text.importChoose}
      </Button>
      {wrong && <Notice title={text.importTitle}>{text.importWrong}</Notice>}
      {importing.error && <ProblemNotice error={importing.error} />}
    </section>
  );
}

function useImport() {
  const queryClient = useQueryClient();
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: (file: File) => importApp(nameOf(file), file),
    onSuccess: (app) => {
      queryClient.setQueryData(["app", app.id], app);
      void queryClient.invalidateQueries({ queryKey: ["apps"] });
      navigate(`/apps/${app.id}`);
    },
  });
}

function nameOf(file: File): string {
  return file.name.replace(/\.zip$/i, "").trim() || text.defaultNamePlain;
}
