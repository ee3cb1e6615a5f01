// One template to choose.
import { useState } from "react";
import type { TemplateView } from "../api/types";
import styles from "./template-card.module.css";

interface TemplateCardProps {
  template: TemplateView;
  chosen: boolean;
  onChoose: () => void;
}

export function TemplateCard({ template, chosen, onChoose }: TemplateCardProps) {
  const [pictureFailed, setPictureFailed] = useState(false);
  return (
    <label className={styles.card} data-testid={`template-${template.key}`}>
      <input
        type="radio"
        name="template"
        className="visually-hidden"
        value={template.key}
        checked={chosen}
        onChange={onChoose}
      />
      <span className={styles.picture}>
        {pictureFailed ? (
          <span className={styles.letter}>{template.name.slice(0, 1)}</span>
        ) : (
          <img src={template.thumbnail_url} alt="" loading="lazy" onError={() => setPictureFailed(true)} />
        )}
      </span>
      <span className={styles.name}>{template.name}</span>
      <span className={styles.description}>{template.description}</span>
      <span className={styles.tags}>{template.tags.join(" · ")}</span>
    </label>
  );
}
