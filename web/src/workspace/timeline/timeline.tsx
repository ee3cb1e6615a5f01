// The checkpoints as a line in time, the draft on top of it: look at what changed, go back, publish.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Checkpoint } from "../../api/revision-calls";
import type { App } from "../../api/types";
import { Button, IconButton } from "../../components/button";
import { Empty, ProblemNotice } from "../../components/notice";
import { useNow } from "../../components/use-now";
import { between, type Comparison } from "../changes/comparison";
import type { DraftSync } from "../draft/draft-sync";
import { CheckpointForm } from "./checkpoint-form";
import { CheckpointItem } from "./checkpoint-item";
import { nameOf } from "./names";
import styles from "./timeline.module.css";
import { usePublishCheckpoint } from "./use-publish-checkpoint";
import type { TimelineHandle } from "./use-timeline";
import type { Travel } from "./use-travel";

const TICK_MS = 20_000;

interface TimelineProps {
  app: App;
  draft: DraftSync;
  timeline: TimelineHandle;
  comparison: Comparison | undefined;
  travel: Travel;
  onCompare: (comparison: Comparison) => void;
  onPublished: () => void;
}

export function Timeline(props: TimelineProps) {
  const { t } = useTranslation(["changes", "common"]);
  const { app, draft, timeline, comparison, travel, onCompare } = props;
  const { checkpoints, isKnown, error, again, more } = timeline;
  const now = useNow(TICK_MS);
  const [picking, setPicking] = useState<Checkpoint>();
  const publish = usePublishCheckpoint(app.id, props.onPublished);
  const choose = (checkpoint: Checkpoint) => {
    setPicking(undefined);
    const isOther = picking && picking.id !== checkpoint.id;
    onCompare(isOther ? between(picking, checkpoint) : { from: checkpoint.id, to: undefined });
  };
  return (
    <section className={styles.timeline} aria-label={t("timeline")} data-testid="timeline">
      <header className={styles.header}>
        <h2>{t("timeline")}</h2>
        <IconButton
          small
          icon="undo"
          label={t("undo")}
          data-testid="timeline-undo"
          onClick={() => travel.go({ kind: "undo" })}
        />
        <IconButton
          small
          icon="redo"
          label={t("redo")}
          data-testid="timeline-redo"
          onClick={() => travel.go({ kind: "redo" })}
        />
      </header>
      <CheckpointForm app={app.id} draft={draft} newest={checkpoints[0]?.id} />
      {publish.error && <ProblemNotice error={publish.error} />}
      {error && (
        <ProblemNotice
          error={error}
          actions={
            <Button small onClick={again}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {!isKnown && !error && <p className={styles.quiet}>{t("loading")}</p>}
      {isKnown && checkpoints.length === 0 && (
        <div className={styles.empty}>
          <Empty title={t("emptyTitle")}>{t("empty")}</Empty>
        </div>
      )}
      {picking && (
        <p className={styles.picking} role="status">
          {t("comparePick", { name: nameOf(picking) })}{" "}
          <Button small onClick={() => setPicking(undefined)}>
            {t("compareStop")}
          </Button>
        </p>
      )}
      {checkpoints.length > 0 && (
        <ol className={styles.line}>
          <li className={styles.item} data-now="true">
            <span className={styles.dot} />
            <strong>{t("now")}</strong>
          </li>
          {checkpoints.map((checkpoint, index) => (
            <CheckpointItem
              key={checkpoint.id}
              checkpoint={checkpoint}
              before={checkpoints[index + 1]}
              now={now}
              isLive={app.release?.revision_id === checkpoint.id}
              isShown={comparison?.from === checkpoint.id || comparison?.to === checkpoint.id}
              travel={travel}
              isPublishing={publish.isPending}
              onChoose={choose}
              onCompare={onCompare}
              onPick={setPicking}
              onPublish={publish.start}
            />
          ))}
        </ol>
      )}
      {more && (
        <Button small onClick={more}>
          {t("more")}
        </Button>
      )}
    </section>
  );
}
