// Server-sent events out of the text of an answer, as it arrives in pieces.

export interface StreamEvent {
  event: string;
  data: string;
}

/** A reader of one stream: each call takes a piece of the text and answers the events that are complete. */
export function eventReader(): (piece: string) => StreamEvent[] {
  let rest = "";
  let event = "message";
  let data: string[] = [];
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    const complete: StreamEvent[] = [];
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) complete.push({ event, data: data.join("\n") });
        event = "message";
        data = [];
      } else if (line.startsWith("event:")) {
        event = fieldOf(line);
      } else if (line.startsWith("data:")) {
        data.push(fieldOf(line));
      }
    }
    return complete;
  };
}

function fieldOf(line: string): string {
  const value = line.slice(line.indexOf(":") + 1);
  return value.startsWith(" ") ? value.slice(1) : value;
}
