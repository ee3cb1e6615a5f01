// Everything that was published or tried, newest first; what was live once can be made live again.

import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { titleOf } from "../../api/problem";
import type { App, Publish, Release } from "../../api/types";
import { Button } from "../../components/button";
import { dateTimeOf, shortAgoOf } from "../../components/format";
import { Empty, ProblemNotice } from "../../components/notice";
import { useNow } from "../../components/use-now";
import { historyOf, shortId } from "./history";
import styles from "./history.module.css";
import { addressOf } from "./ribbon-text";
import siteStyles from "./site.module.css";
import { useReleases, useRevision, useSwitch } from "./use-live";
import type { PublishList } from "./use-publish";

const TICK_MS = 20_000;

interface HistoryTabProps {
  app: App;
  publishes: PublishList;
  onShowPublish: (publish: string) => void;
}

export function HistoryTab({ app, publishes, onShowPublish }: HistoryTabProps) {
  const { t } = useTranslation(["site", "common"]);
  const releases = useReleases(app.id);
  const now = useNow(TICK_MS);
  const lists = [releases, publishes];
  const error = releases.error ?? publishes.error;
  const items = historyOf(releases.data?.pages ?? [], publishes.data?.pages ?? []);
  const more = () => {
    for (const list of lists) if (list.hasNextPage) void list.fetchNextPage();
  };
  return (
    <div className={siteStyles.scroll}>
      {lists.some((list) => list.isPending) && <p className={siteStyles.quiet}>{t("history.loading")}</p>}
      {error && (
        <ProblemNotice
          error={error}
          actions={
            <Button small onClick={() => void Promise.all(lists.map((list) => list.refetch()))}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {lists.every((list) => list.isSuccess) && items.length === 0 && (
        <Empty title={t("history.emptyTitle")}>{t("history.empty")}</Empty>
      )}
      <p className="visually-hidden" role="status">
        {app.release
          ? t("ribbon.isLive", { release: t("ribbon.release", { number: app.release.number }) })
          : t("ribbon.none")}
      </p>
      <ol className={styles.list} data-testid="history">
        {items.map((item) =>
          item.kind === "release" ? (
            <ReleaseRow key={item.release.id} app={app} release={item.release} now={now} />
          ) : (
            <PublishRow key={item.publish.id} publish={item.publish} now={now} onShow={onShowPublish} />
          ),
        )}
      </ol>
      {lists.some((list) => list.hasNextPage) && (
        <div className={siteStyles.actions}>
          <Button small disabled={lists.some((list) => list.isFetchingNextPage)} onClick={more}>
            {t("history.more")}
          </Button>
        </div>
      )}
    </div>
  );
}

function ReleaseRow({ app, release, now }: { app: App; release: Release; now: number }) {
  const { t } = useTranslation("site");
  const { promote, unpublish } = useSwitch(app.id);
  const [asking, setAsking] = useState(false);
  const name = t("ribbon.release", { number: release.number });
  const isLive = app.release === undefined ? release.current : app.release.id === release.id;
  const row = useRef<HTMLLIElement>(null);
  // The button that was pressed goes; the focus stays in its row.
  const stay = { onSuccess: () => row.current?.focus() };
  const isServed = app.release?.artifact === release.artifact;
  const fault = promote.error ?? unpublish.error;
  return (
    <li ref={row} className={styles.row} tabIndex={-1} data-testid={`release-${release.number}`}>
      <div className={styles.line}>
        <strong className={styles.number}>{name}</strong>
        {isLive && <span className={styles.live}>{t("history.current")}</span>}
        <time className={styles.when} dateTime={release.created_at} title={dateTimeOf(release.created_at)}>
          {shortAgoOf(release.created_at, now)}
        </time>
        <span className={styles.buttons}>
          {release.permalink_url !== undefined && (
            <a
              className={styles.permalink}
              href={release.permalink_url}
              target="_blank"
              rel="noreferrer"
              aria-label={t("history.permalink", { name })}
              title={t("history.permalink", { name })}
            >
              {t("history.permalinkShort")}
            </a>
          )}
          {!isServed && (
            <Button
              small
              aria-label={t("history.promoteLabel", { name })}
              disabled={promote.isPending}
              onClick={() => promote.mutate(release.artifact, stay)}
            >
              {promote.isPending ? t("history.promoting") : t("history.promote")}
            </Button>
          )}
          {isLive && (
            <Button small aria-expanded={asking} onClick={() => setAsking(!asking)} data-testid="unpublish">
              {t("history.unpublish")}
            </Button>
          )}
        </span>
      </div>
      <ReleaseFacts app={app} release={release} />
      {asking && isLive && (
        <UnpublishQuestion
          app={app}
          pending={unpublish.isPending}
          onUnpublish={() => unpublish.mutate(undefined, stay)}
          onKeep={() => setAsking(false)}
        />
      )}
      {fault && <ProblemNotice error={fault} />}
    </li>
  );
}

interface UnpublishQuestionProps {
  app: App;
  pending: boolean;
  onUnpublish: () => void;
  onKeep: () => void;
}

function UnpublishQuestion({ app, pending, onUnpublish, onKeep }: UnpublishQuestionProps) {
  const { t } = useTranslation("site");
  return (
    <div className={styles.question}>
      <p>
        {t("history.confirmUnpublish", { address: addressOf(app.published_url ?? app.site_url ?? app.slug) })}
      </p>
      <Button small look="danger" disabled={pending} onClick={onUnpublish} data-testid="unpublish-confirm">
        {pending ? t("history.unpublishing") : t("history.unpublish")}
      </Button>
      <Button small autoFocus onClick={onKeep}>
        {t("history.keep")}
      </Button>
    </div>
  );
}

function ReleaseFacts({ app, release }: { app: App; release: Release }) {
  const { t } = useTranslation("site");
  const revision = useRevision(app.id, release.revision_id).data;
  return (
    <p className={styles.facts}>
      <span>{t(`history.cause.${release.cause}`)}</span>
      <span title={release.revision_id}>
        {revision ? t("history.draft", { version: revision.draft_version }) : shortId(release.revision_id)}
      </span>
      <code title={release.artifact}>{shortId(release.artifact)}</code>
    </p>
  );
}

interface PublishRowProps {
  publish: Publish;
  now: number;
  onShow: (publish: string) => void;
}

function PublishRow({ publish, now, onShow }: PublishRowProps) {
  const { t } = useTranslation("site");
  const { id, status, error, created_at } = publish;
  return (
    <li className={styles.row} data-testid={`publish-${id}`}>
      <div className={styles.line}>
        <span className={styles.status} data-status={status}>
          {t(`publish.status.${status}`)}
        </span>
        <time className={styles.when} dateTime={created_at} title={dateTimeOf(created_at)}>
          {shortAgoOf(created_at, now)}
        </time>
        <span className={styles.buttons}>
          <Button small onClick={() => onShow(id)}>
            {t("history.details")}
          </Button>
        </span>
      </div>
      {error && <p className={styles.facts}>{titleOf(error)}</p>}
    </li>
  );
}
