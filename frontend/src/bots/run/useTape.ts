/** A run's events for a component, with a filter. Holds the stream's topic as long as it is shown. */
import { useEffect, useState } from "react";
import { readRunEvents, type EventFilter } from "../../api/runs";
import { stream } from "../../app/services";
import { useSignal } from "../../stream/hooks";
import { Tape, type TapeView } from "./tape";

export function useTape(runId: string, filter: EventFilter): readonly [TapeView, Tape] {
  const [tape] = useState(
    () =>
      new Tape(
        {
          read: (wanted, place) => readRunEvents(runId, wanted, place),
          listen: (listener) => stream.listen(`run:${runId}`, listener),
        },
        filter,
      ),
  );
  useEffect(() => tape.open(), [tape]);
  const key = JSON.stringify(filter);
  useEffect(() => {
    const wanted = JSON.parse(key) as EventFilter;
    if (JSON.stringify(tape.view.get().filter) !== JSON.stringify(wanted)) tape.setFilter(wanted);
  }, [tape, key]);
  return [useSignal(tape.view), tape];
}
