/** Removing a connection: its name is typed once more, and what stays is said. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { removeConnection } from "../api/connections";
import type { Connection } from "../api/types";
import { queries } from "../app/services";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";
import { connectionsQuery } from "./queries";

export function RemoveConnection({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { t, language } = useWords();
  const [typed, setTyped] = useState("");
  const id = useId();
  const removing = useMutation({
    mutationFn: () => removeConnection(connection.id, connection.name),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: connectionsQuery.queryKey });
      await queries.invalidateQueries({ queryKey: accountsQuery.queryKey });
      onClose();
    },
  });
  const fits = typed.trim().toLowerCase() === connection.name.trim().toLowerCase();
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (fits && !removing.isPending) removing.mutate();
  };
  return (
    <Dialog title={t("connections.remove_title", { name: connection.name })} testId="remove-dialog" onClose={onClose}>
      {(close) => (
        <form className="stack wide" onSubmit={onSubmit}>
          <p>{t("connections.remove_text")}</p>
          <div className="field">
            <label htmlFor={id}>{t("connections.remove_typed", { name: connection.name })}</label>
            <input
              id={id}
              className="input"
              autoComplete="off"
              spellCheck={false}
              value={typed}
              data-testid="remove-typed"
              onChange={(event) => setTyped(event.target.value)}
            />
          </div>
          {removing.isError && (
            <p className="fault" role="alert">
              {failureText(t, removing.error, language).text}
            </p>
          )}
          <div className="row">
            <button type="button" className="button" data-first onClick={close}>
              {t("connections.keep")}
            </button>
            <button type="submit" className="button danger" data-testid="remove-confirm" disabled={!fits || removing.isPending}>
              {t("connections.remove_confirm")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
