// A file and a line, as a way to go there.
import { strings } from "../../strings";
import { type Place, placeName } from "./publish-view";
import styles from "./site.module.css";

interface PlaceButtonProps {
  place: Place;
  onOpen: (place: Place) => void;
}

export function PlaceButton({ place, onOpen }: PlaceButtonProps) {
  const name = placeName(place);
  return (
    <button
      type="button"
      className={styles.place}
      title={strings.publish.openPlace(name)}
      onClick={() => onOpen(place)}
    >
      {name}
    </button>
  );
}
