// The publish that goes on, or the last one: its steps, its log, and how it ended.
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import type { App, Publish } from "../../api/types";
import { Button } from "../../components/button";
import buttonStyles from "../../components/button.module.css";
import { CopyButton } from "../../components/copy-button";
import { sizeOf } from "../../components/format";
import { Empty, ProblemNotice } from "../../components/notice";
import { useNow } from "../../components/use-now";
import { Failure, NotStarted, type Places } from "./failure";
import { PreviewBuildSection } from "./preview-build";
import { PublishLog } from "./publish-log";
import { builtBefore, headlineOf, isOver, stepRows } from "./publish-view";
import { addressOf } from "./ribbon-text";
import styles from "./site.module.css";
import { StepList } from "./step-list";
import { useArtifact, useRevision } from "./use-live";
import type { PublishHandle } from "./use-publish";

const TICK_MS = 100;

interface PublishTabProps {
  app: App;
  publish: PublishHandle;
  places: Places;
  logOpen: boolean;
  onLog: (open: boolean) => void;
  onCheck: () => void;
}

export function PublishTab(props: PublishTabProps) {
  const { t } = useTranslation(["site", "common"]);
  const { app, publish, places } = props;
  const { shown, phase, fault, list } = publish;
  if (phase !== "idle") {
    return (
      <div className={styles.scroll}>
        <h3 className={styles.headline} data-status="running">
          {phase === "saving" ? t("publish.saving") : t("publish.asking")}
        </h3>
        <StepList rows={stepRows(undefined, 0)} />
      </div>
    );
  }
  if (fault) {
    return (
      <div className={styles.scroll}>
        <NotStarted fault={fault} places={places} onAgain={publish.start} />
      </div>
    );
  }
  if (shown) return <PublishDetails {...props} shown={shown} />;
  return (
    <div className={styles.scroll}>
      {list.isPending && <p className={styles.quiet}>{t("publish.loading")}</p>}
      {list.error && (
        <ProblemNotice
          error={list.error}
          actions={
            <Button small onClick={() => list.refetch()}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {list.isSuccess && (
        <Empty
          title={t("publish.emptyTitle")}
          actions={
            <>
              <Button look="primary" onClick={publish.start}>
                {t("publish.button")}
              </Button>
              <Button onClick={props.onCheck}>{t("publish.check")}</Button>
            </>
          }
        >
          {app.site_url === undefined
            ? t("publish.empty")
            : t("publish.emptyAt", { address: addressOf(app.site_url) })}
        </Empty>
      )}
      {list.isSuccess && (
        <PreviewBuildSection build={publish.preview} published={undefined} places={places} />
      )}
    </div>
  );
}

function PublishDetails(props: PublishTabProps & { shown: Publish }) {
  const { t } = useTranslation("site");
  const { app, publish, places, shown, logOpen, onLog, onCheck } = props;
  const over = isOver(shown);
  const now = useNow(over ? null : TICK_MS);
  return (
    <>
      <div className={styles.scroll} data-log={logOpen}>
        <h3 className={styles.headline} data-status={shown.status} data-testid="publish-headline">
          {headlineOf(shown, now)}
        </h3>
        <Facts app={app} shown={shown} />
        <StepList rows={stepRows(shown, now)} />
        <Size app={app} publish={publish} shown={shown} />
        <Outcome app={app} shown={shown} places={places} onAgain={publish.start} />
        {publish.cancel.error && !over && <ProblemNotice error={publish.cancel.error} />}
        <div className={styles.actions}>
          {!over && (
            <Button
              small
              onClick={publish.cancel.run}
              disabled={publish.cancel.pending}
              data-testid="publish-cancel"
            >
              {publish.cancel.pending ? t("publish.cancelling") : t("publish.cancel")}
            </Button>
          )}
          <Button
            small
            aria-expanded={logOpen}
            onClick={() => onLog(!logOpen)}
            data-testid="publish-log-toggle"
          >
            {logOpen ? t("publish.hideLog") : t("publish.showLog")}
          </Button>
          {over && (
            <Button small onClick={onCheck}>
              {t("publish.check")}
            </Button>
          )}
          {!publish.isLatest && (
            <Button small onClick={() => publish.show(undefined)}>
              {t("publish.latest")}
            </Button>
          )}
        </div>
        {over && <PreviewBuildSection build={publish.preview} published={shown} places={places} />}
      </div>
      {logOpen && <PublishLog key={shown.id} feed={publish.feed} isOver={over} />}
    </>
  );
}

/** Which release it became, of which draft, and whether it took several attempts. */
function Facts({ app, shown }: { app: App; shown: Publish }) {
  const { t } = useTranslation("site");
  const revision = useRevision(app.id, shown.revision_id).data;
  const facts = [
    app.release && app.release.id === shown.release && t("ribbon.release", { number: app.release.number }),
    revision && t("history.draft", { version: revision.draft_version }),
    shown.attempt > 1 && t("publish.attempt", { attempt: shown.attempt }),
  ].filter(Boolean);
  return facts.length > 0 && <p className={styles.facts}>{facts.join(" · ")}</p>;
}

/** How large it became, and whether that is more or less than what was published before. */
function Size({ app, publish, shown }: { app: App; publish: PublishHandle; shown: Publish }) {
  const { t } = useTranslation("site");
  const all = publish.list.data?.pages.flatMap((page) => page.items) ?? [];
  const artifact = useArtifact(app.id, shown.artifact).data;
  const before = useArtifact(app.id, builtBefore(shown, all)?.artifact).data;
  if (!artifact) return null;
  const words = [t("publish.size", { size: sizeOf(artifact.size_bytes), count: artifact.file_count })];
  const more = before === undefined ? 0 : artifact.size_bytes - before.size_bytes;
  if (more > 0) words.push(t("publish.larger", { size: sizeOf(more) }));
  if (more < 0) words.push(t("publish.smaller", { size: sizeOf(-more) }));
  return (
    <p className={styles.quiet} data-testid="publish-size">
      {words.join(" · ")}
    </p>
  );
}

interface OutcomeProps {
  app: App;
  shown: Publish;
  places: Places;
  onAgain: () => void;
}

function Outcome({ app, shown, places, onAgain }: OutcomeProps) {
  const { t } = useTranslation("site");
  const { status, error } = shown;
  const url = app.published_url ?? app.site_url;
  if (status === "succeeded") {
    return (
      <>
        {shown.reused && <p className={styles.sentence}>{t("publish.reused")}</p>}
        {url !== undefined && (
          <a
            className={`${buttonStyles.button} ${buttonStyles.primary} ${styles.siteLink}`}
            href={url}
            title={url}
            target="_blank"
            rel="noreferrer"
            data-testid="site-link"
          >
            <span>{t("publish.openSite")}</span>
            <span className={styles.address}>{addressOf(url)}</span>
          </a>
        )}
        {url !== undefined && (
          <div className={styles.actions}>
            <CopyButton text={url} label={t("publish.copyLink")} />
          </div>
        )}
      </>
    );
  }
  if (status === "failed" && error) {
    return (
      <>
        <Failure problem={error} places={places} onAgain={onAgain} />
        <p className={styles.quiet}>{untouched(app)}</p>
      </>
    );
  }
  if (status === "cancelled") return <p className={styles.sentence}>{t("publish.cancelled")}</p>;
  if (status === "superseded")
    return <p className={styles.sentence}>{error?.detail || t("publish.superseded")}</p>;
  return null;
}

/** A failure changes nothing for strangers; that is said. */
function untouched({ release }: App): string {
  return release
    ? i18next.t("site:publish.stillLive", {
        release: i18next.t("site:ribbon.release", { number: release.number }),
      })
    : i18next.t("site:publish.stillNothing");
}
