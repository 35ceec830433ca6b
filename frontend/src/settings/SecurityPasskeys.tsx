/** Passkeys: made with a name, listed with where they work, renamed, removed; or why there can be none here. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { addPasskey, askNewPasskey, removePasskey, renamePasskey, type Passkey, type Security } from "../api/factors";
import { notices } from "../app/services";
import { proofFailure } from "../auth/failures";
import { createPasskey, passkeysWork } from "../auth/passkey";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { Confirmed } from "./Confirmed";

type Changed = (codes: readonly string[] | null) => Promise<void>;
type Props = { readonly passkeys: readonly Passkey[]; readonly refused: Security["passkeys_refused"]; readonly onChanged: Changed };

export function SecurityPasskeys({ passkeys, refused, onChanged }: Props) {
  const { t } = useWords();
  const [naming, setNaming] = useState(false);
  const make = useNew(onChanged);
  const may = refused === null && passkeysWork();
  return (
    <section className="box" aria-labelledby="passkeys-title" data-testid="passkeys">
      <div className="settings-head">
        <h2 id="passkeys-title">{t("security.passkeys")}</h2>
        <span className="spacer" />
        {may && !naming && (
          <button type="button" className="button small" data-testid="passkey-add" onClick={() => setNaming(true)}>
            {t("security.passkey_add")}
          </button>
        )}
      </div>
      <p className="hint">{t("security.passkeys_text")}</p>
      {!may && (
        <p className="caution" data-testid="passkeys-refused">
          {t(refused === "insecure" ? "problems.passkey.insecure" : refused === "address" ? "problems.passkey.at_address" : "security.passkeys_no_browser")}
        </p>
      )}
      {naming && <Named label={t("security.passkey_add")} start="" call={make} onDone={() => setNaming(false)} />}
      {passkeys.map((each) => (
        <Row key={each.id} passkey={each} onChanged={onChanged} />
      ))}
      {passkeys.length === 0 && may && !naming && <p className="muted">{t("security.passkeys_none")}</p>}
    </section>
  );
}

/** Asks the device, and keeps what it answers. */
function useNew(onChanged: Changed): (name: string) => Promise<void> {
  const { t } = useWords();
  const withProof = useStepUp();
  return async (name) => {
    const made = await createPasskey(await withProof(askNewPasskey));
    await onChanged(await withProof(() => addPasskey(name, made)));
    notices.speak(t("security.passkey_added"));
  };
}

function Row({ passkey, onChanged }: { passkey: Passkey; onChanged: Changed }) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const [open, setOpen] = useState<"rename" | "remove" | null>(null);
  const day = (ms: number): string => new Date(ms).toLocaleDateString(language, { dateStyle: "medium" });
  return (
    <article className="stack tight" data-testid="passkey">
      <div className="settings-head">
        <strong className="wrap">{passkey.name}</strong>
        <span className="spacer" />
        <button type="button" className="button small" data-testid="passkey-rename" aria-label={t("security.rename_named", { name: passkey.name })} onClick={() => setOpen("rename")}>
          {t("security.rename")}
        </button>
        <button type="button" className="button small" data-testid="passkey-remove" aria-label={t("security.remove_named", { name: passkey.name })} onClick={() => setOpen("remove")}>
          {t("security.remove")}
        </button>
      </div>
      <p className="hint">
        {t("security.passkey_on", { host: passkey.host })}
        {" · "}
        {passkey.synced ? t("security.passkey_synced") : t("security.passkey_device")}
        {" · "}
        {passkey.last_used_ms === null ? t("security.added", { day: day(passkey.created_ms) }) : t("security.used", { day: day(passkey.last_used_ms) })}
      </p>
      {passkey.suspect && (
        <p className="fault" role="alert">
          {t("problems.passkey.suspect")}
        </p>
      )}
      {open === "rename" && (
        <Named
          label={t("security.rename")}
          start={passkey.name}
          call={async (name) => {
            await renamePasskey(passkey.id, name);
            await onChanged(null);
          }}
          onDone={() => setOpen(null)}
        />
      )}
      {open === "remove" && (
        <Confirmed
          title={t("security.passkey_remove_title", { name: passkey.name })}
          text={t("security.remove_text")}
          action={t("security.remove")}
          testId="passkey-remove-dialog"
          call={() => withProof(() => removePasskey(passkey.id))}
          onDone={() => onChanged(null)}
          onClose={() => setOpen(null)}
        />
      )}
    </article>
  );
}

/** A name, and what is done with it. */
function Named({ label, start, call, onDone }: { label: string; start: string; call: (name: string) => Promise<void>; onDone: () => void }) {
  const { t, language } = useWords();
  const id = useId();
  const [name, setName] = useState(start);
  const [tried, setTried] = useState(false);
  const doing = useMutation({ mutationFn: () => call(name.trim()), onSuccess: onDone });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (name.trim() === "" || doing.isPending) return;
    setTried(false);
    doing.mutate();
  };
  return (
    <form className="stack" noValidate autoComplete="off" onSubmit={onSubmit}>
      <div className="field">
        <label htmlFor={id}>{t("security.passkey_name")}</label>
        {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- it came by the press of a button */}
        <input id={id} className="input" autoFocus maxLength={64} value={name} data-testid="passkey-name" aria-describedby={`${id}-notes`} onChange={(event) => setName(event.target.value)} />
        <span id={`${id}-notes`} className={tried ? "fault" : "hint"}>
          {tried && name.trim() === "" ? t("security.passkey_name_required") : t("security.passkey_name_hint")}
        </span>
      </div>
      {doing.isError && (
        <p className="fault" role="alert" data-testid="passkey-error">
          {proofFailure(t, doing.error, language)}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="passkey-save" disabled={doing.isPending}>
          {doing.isPending ? t("auth.passkey_asking") : label}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}
