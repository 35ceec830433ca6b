/** A question before something goes: what goes, the safe answer first, and why it failed if it did. */
import { useMutation } from "@tanstack/react-query";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";

type Props = {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly testId: string;
  readonly call: () => Promise<unknown>;
  readonly onDone: () => Promise<void>;
  readonly onClose: () => void;
};

export function Confirmed({ title, text, action, testId, call, onDone, onClose }: Props) {
  const { t, language } = useWords();
  const doing = useMutation({
    mutationFn: call,
    onSuccess: async () => {
      await onDone();
      onClose();
    },
  });
  return (
    <Dialog title={title} testId={testId} onClose={onClose}>
      {(close) => (
        <div className="stack">
          <p>{text}</p>
          {doing.isError && (
            <p className="fault" role="alert">
              {failureText(t, doing.error, language).text}
            </p>
          )}
          <div className="row">
            <button type="button" className="button" data-first onClick={close}>
              {t("common.cancel")}
            </button>
            <button type="button" className="button danger" data-testid={`${testId}-confirm`} disabled={doing.isPending} onClick={() => doing.mutate()}>
              {action}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
