/** Another name for a connection and its account. */
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { renameConnection } from "../api/connections";
import type { Connection } from "../api/types";
import { queries } from "../app/services";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";
import { connectionsQuery } from "./queries";
import { TextField } from "./TextField";

export function RenameConnection({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { t, language } = useWords();
  const [name, setName] = useState(connection.name);
  const renaming = useMutation({
    mutationFn: () => renameConnection(connection.id, name.trim()),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: connectionsQuery.queryKey });
      await queries.invalidateQueries({ queryKey: accountsQuery.queryKey });
      onClose();
    },
  });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "" && !renaming.isPending) renaming.mutate();
  };
  return (
    <Dialog title={t("connections.rename_title", { name: connection.name })} testId="rename-dialog" onClose={onClose}>
      {(close) => (
        <form className="stack wide" noValidate onSubmit={onSubmit}>
          <TextField
            label={t("connections.name")}
            fault={name.trim() === "" ? t("connections.required") : renaming.isError ? failureText(t, renaming.error, language).text : null}
            hint={t("connections.name_hint")}
          >
            {(field) => (
              <input
                {...field}
                data-first
                className="input"
                autoComplete="off"
                maxLength={64}
                value={name}
                data-testid="rename-name"
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </TextField>
          <div className="row">
            <button type="submit" className="button primary" data-testid="rename-confirm" disabled={renaming.isPending}>
              {t("connections.rename_confirm")}
            </button>
            <button type="button" className="button" onClick={close}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
