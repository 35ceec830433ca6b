/** Asks for a name: of something that gets another one, or of something new. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "./Dialog";

type Props = {
  readonly title: string;
  readonly label: string;
  readonly wrong: string;
  readonly first: string;
  readonly testId: string;
  readonly isName: (name: string) => boolean;
  readonly onName: (name: string) => Promise<unknown>;
  readonly onClose: () => void;
};

export function NameDialog(props: Props) {
  return (
    <Dialog title={props.title} testId={props.testId} onClose={props.onClose}>
      {(close) => <Form {...props} close={close} />}
    </Dialog>
  );
}

function Form({ label, wrong, first, isName, onName, close }: Props & { readonly close: () => void }) {
  const { t, language } = useWords();
  const id = useId();
  const [name, setName] = useState(first);
  const fits = isName(name);
  const naming = useMutation({ mutationFn: () => onName(name), onSuccess: close });
  return (
    <form
      className="stack wide"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (fits && !naming.isPending) naming.mutate();
      }}
    >
      <div className="field">
        <label htmlFor={id}>{label}</label>
        <input id={id} className="input" autoComplete="off" maxLength={80} value={name} aria-invalid={!fits} data-testid="name-field" onChange={(event) => setName(event.target.value)} />
        {!fits && <span className="fault">{wrong}</span>}
      </div>
      {naming.isError && (
        <p className="fault" role="alert">
          {failureText(t, naming.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" onClick={close}>
          {t("common.cancel")}
        </button>
        <button type="submit" className="button primary" data-testid="name-save" disabled={!fits || naming.isPending}>
          {t("bots.save")}
        </button>
      </div>
    </form>
  );
}
