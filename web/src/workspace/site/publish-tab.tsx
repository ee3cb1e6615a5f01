// The publish that goes on, or the last one: its steps, its log, and how it ended.
import type { App, Publish } from "../../api/types";
import { Button } from "../../components/button";
import buttonStyles from "../../components/button.module.css";
import { Empty, ProblemNotice } from "../../components/notice";
import { useNow } from "../../components/use-now";
import { strings } from "../../strings";
import { Failure, NotStarted, type Places } from "./failure";
import { PreviewBuildSection } from "./preview-build";
import { PublishLog } from "./publish-log";
import { headlineOf, isOver, stepRows } from "./publish-view";
import { addressOf } from "./ribbon-text";
import styles from "./site.module.css";
import { StepList } from "./step-list";
import { useRevision } from "./use-live";
import type { PublishHandle } from "./use-publish";

const text = strings.publish;
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
  const { app, publish, places } = props;
  const { shown, phase, fault, list } = publish;
  if (phase !== "idle") {
    return (
      <div className={styles.scroll}>
        <h3 className={styles.headline} data-status="running">
          {phase === "saving" ? text.saving : text.asking}
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
      {list.isPending && <p className={styles.quiet}>{text.loading}</p>}
      {list.error && (
        <ProblemNotice
          error={list.error}
          actions={
            <Button small onClick={() => list.refetch()}>
              {strings.common.tryAgain}
            </Button>
          }
        />
      )}
      {list.isSuccess && (
        <Empty
          title={text.emptyTitle}
          actions={
            <>
              <Button look="primary" onClick={publish.start}>
                {text.button}
              </Button>
              <Button onClick={props.onCheck}>{text.check}</Button>
            </>
          }
        >
          {app.site_url === undefined ? text.empty : text.emptyAt(addressOf(app.site_url))}
        </Empty>
      )}
      {list.isSuccess && (
        <PreviewBuildSection build={publish.preview} published={undefined} places={places} />
      )}
    </div>
  );
}

function PublishDetails(props: PublishTabProps & { shown: Publish }) {
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
              {publish.cancel.pending ? text.cancelling : text.cancel}
            </Button>
          )}
          <Button
            small
            aria-expanded={logOpen}
            onClick={() => onLog(!logOpen)}
            data-testid="publish-log-toggle"
          >
            {logOpen ? text.hideLog : text.showLog}
          </Button>
          {over && (
            <Button small onClick={onCheck}>
              {text.check}
            </Button>
          )}
          {!publish.isLatest && (
            <Button small onClick={() => publish.show(undefined)}>
              {text.latest}
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
  const revision = useRevision(app.id, shown.revision_id).data;
  const facts = [
    app.release && app.release.id === shown.release && strings.ribbon.release(app.release.number),
    revision && strings.history.draft(revision.draft_version),
    shown.attempt > 1 && text.attempt(shown.attempt),
  ].filter(Boolean);
  return facts.length > 0 && <p className={styles.facts}>{facts.join(" · ")}</p>;
}

interface OutcomeProps {
  app: App;
  shown: Publish;
  places: Places;
  onAgain: () => void;
}

function Outcome({ app, shown, places, onAgain }: OutcomeProps) {
  const { status, error } = shown;
  const url = app.published_url ?? app.site_url;
  if (status === "succeeded") {
    return (
      <>
        {shown.reused && <p className={styles.sentence}>{text.reused}</p>}
        {url !== undefined && (
          <a
            className={`${buttonStyles.button} ${buttonStyles.primary} ${styles.siteLink}`}
            href={url}
            title={url}
            target="_blank"
            rel="noreferrer"
            data-testid="site-link"
          >
            <span>{text.openSite}</span>
            <span className={styles.address}>{addressOf(url)}</span>
          </a>
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
  if (status === "cancelled") return <p className={styles.sentence}>{text.cancelled}</p>;
  if (status === "superseded") return <p className={styles.sentence}>{error?.detail || text.superseded}</p>;
  return null;
}

/** A failure changes nothing for strangers; that is said. */
function untouched({ release }: App): string {
  return release ? text.stillLive(strings.ribbon.release(release.number)) : text.stillNothing;
}
