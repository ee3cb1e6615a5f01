// A file and a line, as a way to go there.
import { useTranslation } from "react-i18next";
import { type Place, placeName } from "./publish-view";
import styles from "./site.module.css";

interface PlaceButtonProps {
  place: Place;
  onOpen: (place: Place) => void;
}

export function PlaceButton({ place, onOpen }: PlaceButtonProps) {
  const { t } = useTranslation("site");
  const name = placeName(place);
  return (
    <button
      type="button"
      className={styles.place}
      title={t("publish.openPlace", { place: name })}
      onClick={() => onOpen(place)}
    >
      {name}
    </button>
  );
}
