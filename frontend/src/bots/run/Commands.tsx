/** What may be done with a run that has not ended: pause it, let it go on, extend it, stop it. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { pauseRun, resumeRun } from "../../api/runs";
import type { Run } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { isOver } from "../../stream/runs";
import { tookRun } from "../queries";
import { useMayTrade } from "../useRun";
import { ExtendDialog } from "./ExtendDialog";
import { StopDialog } from "./StopDialog";

export function Commands({ run, extend = true }: { run: Run; extend?: boolean }) {
  const { t, language } = useWords();
  const mayTrade = useMayTrade();
  const [dialog, setDialog] = useState<"stop" | "extend" | null>(null);
  const wishing = useMutation({ mutationFn: () => (run.wishes.paused ? resumeRun(run.id) : pauseRun(run.id)), onSuccess: tookRun });
  const isStopping = run.wishes.stop !== null || run.state === "stopping";
  if (isOver(run)) return null;
  return (
    <>
      {run.state !== "queued" && !isStopping && (
        <button type="button" className="button small" data-testid={run.wishes.paused ? "run-resume" : "run-pause"} disabled={!mayTrade || wishing.isPending} onClick={() => wishing.mutate()}>
          {t(run.wishes.paused ? "runs.resume" : "runs.pause")}
        </button>
      )}
      {extend && !isStopping && (
        <button type="button" className="button small" data-testid="run-extend" disabled={!mayTrade} onClick={() => setDialog("extend")}>
          {t("runs.extend")}
        </button>
      )}
      {run.wishes.stop !== "close" && (
        <button type="button" className="button small danger" data-testid="run-stop" disabled={!mayTrade} onClick={() => setDialog("stop")}>
          {t("runs.stop")}
        </button>
      )}
      {wishing.isError && (
        <span className="fault" role="alert">
          {failureText(t, wishing.error, language).text}
        </span>
      )}
      {dialog === "stop" && <StopDialog run={run} onClose={() => setDialog(null)} />}
      {dialog === "extend" && <ExtendDialog run={run} onClose={() => setDialog(null)} />}
    </>
  );
}
