// One template to choose, by a picture of it as it runs.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { TemplateView } from "../../api/types";
import { Button } from "../../components/button";
import styles from "./template-card.module.css";

interface TemplateCardProps {
  template: TemplateView;
  chosen: boolean;
  onChoose: () => void;
  /** Makes an app of it at once. */
  onStart: () => void;
}

export function TemplateCard({ template, chosen, onChoose, onStart }: TemplateCardProps) {
  const { t } = useTranslation("home");
  const { key, name, description, tags, thumbnail_url: picture } = template;
  const [hasFailed, setFailed] = useState(false);
  return (
    <div className={styles.card}>
      <label className={styles.choice} data-testid={`template-${key}`}>
        <input
          type="radio"
          name="template"
          className="visually-hidden"
          value={key}
          checked={chosen}
          onChange={onChoose}
        />
        <span className={styles.picture}>
          {hasFailed ? (
            <span className={styles.letter} aria-hidden="true">
              {name.slice(0, 1)}
            </span>
          ) : (
            <img src={picture} alt="" loading="lazy" decoding="async" onError={() => setFailed(true)} />
          )}
        </span>
        <span className={styles.name}>{name}</span>
        <span className={styles.description}>{description}</span>
        <span className={styles.tags}>{tags.join(" · ")}</span>
      </label>
      <span className={styles.start}>
        {/* By keyboard, Enter on the card does the same. */}
        <Button
          small
          look="primary"
          tabIndex={-1}
          aria-label={t("use", { template: name })}
          onClick={onStart}
        >
          {t("start")}
        </Button>
      </span>
    </div>
  );
}
