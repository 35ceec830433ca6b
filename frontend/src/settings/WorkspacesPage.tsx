/** The workspaces of a person: which ones, which one is shown, making and naming one, and the quotas of this one. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { createWorkspace, renameWorkspace, type Workspace } from "../api/people";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { useGoTo } from "../shell/WorkspaceSwitcher";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { Fault, SettingsPage } from "./parts";
import { Quotas } from "./Quotas";
import { quotasQuery, workspacesQuery } from "./queries";

export function WorkspacesPage() {
  const { t } = useWords();
  const workspaces = useQuery(workspacesQuery);
  const session = useQuery(sessionQuery);
  const quotas = useQuery(quotasQuery);
  const here = session.data?.workspace ?? null;
  return (
    <SettingsPage title={t("people.section_workspaces")}>
      <p className="muted">{t("people.workspaces_text")}</p>
      <section aria-labelledby="mine-title">
        <h2 id="mine-title">{t("people.workspaces_mine")}</h2>
        {workspaces.isError && <Failure what={t("people.workspaces_mine")} error={workspaces.error} onRetry={() => void workspaces.refetch()} />}
        {workspaces.isPending && <Waiting rows={1} onRetry={() => void workspaces.refetch()} />}
        {workspaces.data?.map((each) => (
          <Card key={each.id} workspace={each} isHere={each.id === here?.id} />
        ))}
      </section>
      {here?.role === "owner" && <Rename key={`${here.id} ${here.name}`} name={here.name} />}
      <Create />
      <section aria-labelledby="quotas-title">
        <h2 id="quotas-title">{t("people.quotas", { workspace: here?.name ?? "" })}</h2>
        <p className="muted">{t("people.quotas_text")}</p>
        {quotas.isError && <Failure what={t("people.quotas_short")} error={quotas.error} onRetry={() => void quotas.refetch()} />}
        {quotas.data !== undefined && <Quotas quotas={quotas.data} />}
      </section>
    </SettingsPage>
  );
}

function Card({ workspace, isHere }: { workspace: Workspace; isHere: boolean }) {
  const { t } = useWords();
  const going = useGoTo();
  return (
    <article className="box connection" data-testid="workspace" data-here={isHere}>
      <header className="connection-head">
        <strong className="wrap">{workspace.name}</strong>
        <span className="muted">{t(`people.role_${workspace.role}`)}</span>
        <span className="spacer" />
        {isHere ? (
          <span className="muted">{t("people.workspace_here")}</span>
        ) : (
          <button type="button" className="button small" data-testid="workspace-go" disabled={going.isPending} aria-label={t("people.workspace_go_named", { name: workspace.name })} onClick={() => going.mutate(workspace.id)}>
            {t("people.workspace_go")}
          </button>
        )}
      </header>
      <Fault error={going.error} />
    </article>
  );
}

function Rename({ name }: { name: string }) {
  const { t } = useWords();
  const renaming = useMutation({
    mutationFn: renameWorkspace,
    onSuccess: () =>
      Promise.all([queries.invalidateQueries({ queryKey: workspacesQuery.queryKey }), queries.invalidateQueries({ queryKey: sessionQuery.queryKey })]),
  });
  return <NameForm label={t("people.workspace_rename")} act={t("people.rename")} initial={name} testId="workspace-rename" isPending={renaming.isPending} error={renaming.error} onName={(next) => renaming.mutate(next)} />;
}

function Create() {
  const { t } = useWords();
  const [id, setId] = useState(() => crypto.randomUUID());
  const creating = useMutation({
    mutationFn: (name: string) => createWorkspace(id, name),
    onSuccess: () => {
      setId(crypto.randomUUID());
      return queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
    },
  });
  return (
    <NameForm key={id} label={t("people.workspace_create")} hint={t("people.workspace_create_text")} act={t("people.create")} initial="" testId="workspace-create" isPending={creating.isPending} error={creating.error} onName={(name) => creating.mutate(name)} />
  );
}

type NameFormProps = {
  readonly label: string;
  readonly hint?: string;
  readonly act: string;
  readonly initial: string;
  readonly testId: string;
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly onName: (name: string) => void;
};

function NameForm(props: NameFormProps) {
  const { t } = useWords();
  const id = useId();
  const [name, setName] = useState(props.initial);
  const [tried, setTried] = useState(false);
  const isEmpty = name.trim() === "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!isEmpty && !props.isPending && name.trim() !== props.initial) props.onName(name.trim());
  };
  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid={props.testId} onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>{props.label}</label>
        <input id={id} className="input" maxLength={64} value={name} aria-invalid={tried && isEmpty} aria-describedby={`${id}-hint`} data-testid={`${props.testId}-name`} onChange={(event) => setName(event.target.value)} />
        <span id={`${id}-hint`} className={tried && isEmpty ? "fault" : "hint"}>
          {tried && isEmpty ? t("people.name_required") : props.hint}
        </span>
      </div>
      <Fault error={props.error} />
      <div className="row">
        <button type="submit" className="button" data-testid={`${props.testId}-submit`} disabled={props.isPending}>
          {props.act}
        </button>
      </div>
    </form>
  );
}
