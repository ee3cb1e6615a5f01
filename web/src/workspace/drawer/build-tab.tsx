// What the newest build printed, whether it was for everybody or a preview build.
import { useTranslation } from "react-i18next";
import type { Publish } from "../../api/types";
import { useNow } from "../../components/use-now";
import { PublishLog } from "../site/publish-log";
import { headlineOf, isOver } from "../site/publish-view";
import { usePublishFeed } from "../site/use-publish-feed";
import type { Site } from "../site/use-site";
import styles from "./drawer.module.css";

const TICK_MS = 500;

export function BuildTab({ app, site }: { app: string; site: Site }) {
  const { t } = useTranslation("drawer");
  const build = newestBuild(site);
  const feed = usePublishFeed(app, build?.id, build !== undefined);
  const now = useNow(build && !isOver(build) ? TICK_MS : null);
  if (!build) {
    return (
      <div className={styles.nothing}>
        <strong>{t("build.none")}</strong>
        <p>{t("build.noneDetail")}</p>
      </div>
    );
  }
  return (
    <>
      <div className={styles.tools}>
        <span>
          {t(build.target === "preview" ? "build.preview" : "build.publish", { number: build.build_seq })}
        </span>
        <span className={styles.quiet}>{headlineOf(build, now)}</span>
      </div>
      <div className={styles.log}>
        <PublishLog feed={feed} isOver={isOver(build)} />
      </div>
    </>
  );
}

function newestBuild({ publish }: Site): Publish | undefined {
  const builds = [publish.shown, publish.preview.latest].filter((build) => build !== undefined);
  return builds.sort((a, b) => b.build_seq - a.build_seq)[0];
}
