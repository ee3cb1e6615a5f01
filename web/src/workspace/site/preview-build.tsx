// Below the publish: the same build, only for whoever has the link.
import { useTranslation } from "react-i18next";
import type { Publish } from "../../api/types";
import { Button } from "../../components/button";
import buttonStyles from "../../components/button.module.css";
import { Failure, NotStarted, type Places } from "./failure";
import styles from "./site.module.css";
import type { PreviewBuild } from "./use-preview-build";

interface PreviewBuildProps {
  build: PreviewBuild;
  /** The publish that is told of above. */
  published: Publish | undefined;
  places: Places;
}

export function PreviewBuildSection({ build, published, places }: PreviewBuildProps) {
  const { t } = useTranslation("site");
  const { latest, url, going, fault, start } = build;
  const hasFailed = !going && !fault && latest?.status === "failed";
  // What failed before the publish above is no news beside it.
  const isNews = latest !== undefined && latest.build_seq > (published?.build_seq ?? 0);
  const failure = hasFailed && isNews ? latest.error : undefined;
  return (
    <section
      className={styles.previewBuild}
      aria-label={t("previewBuild.button")}
      data-testid="preview-build"
    >
      <div className={styles.actions}>
        <Button
          small
          // Not disabled: that would take the focus.
          aria-disabled={going}
          onClick={() => going || start()}
          data-testid="preview-build-run"
        >
          {going ? t("previewBuild.going") : t("previewBuild.button")}
        </Button>
        {url !== undefined && (
          <a
            className={`${buttonStyles.button} ${buttonStyles.small}`}
            href={url}
            target="_blank"
            rel="noreferrer"
            data-testid="preview-build-link"
          >
            {going || hasFailed ? t("previewBuild.openLast") : t("previewBuild.open")}
          </a>
        )}
      </div>
      <p className={styles.quiet}>{t("previewBuild.hint")}</p>
      {fault && !going && <NotStarted fault={fault} places={places} onAgain={() => start()} />}
      {failure && <Failure problem={failure} places={places} onAgain={() => start()} />}
    </section>
  );
}
