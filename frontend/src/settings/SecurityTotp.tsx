/** The authenticator app: set up with a QR code drawn here, confirmed by its first code, removed. */
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { beginTotp, confirmTotp, removeTotp, type Security, type TotpEnrolment } from "../api/factors";
import { notices } from "../app/services";
import { CodeField } from "../auth/CodeField";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Confirmed } from "./Confirmed";

type Props = { readonly totp: Security["totp"]; readonly onChanged: (codes: readonly string[] | null) => Promise<void> };

export function SecurityTotp({ totp, onChanged }: Props) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const [removing, setRemoving] = useState(false);
  const beginning = useMutation({ mutationFn: () => withProof(beginTotp) });
  const done = async (codes: readonly string[] | null): Promise<void> => {
    beginning.reset();
    notices.speak(t("security.totp_added"));
    await onChanged(codes);
  };
  return (
    <section className="box" aria-labelledby="totp-title" data-testid="totp">
      <div className="settings-head">
        <h2 id="totp-title">{t("security.totp")}</h2>
        <span className="spacer" />
        {totp === null && beginning.data === undefined && (
          <button type="button" className="button small" data-testid="totp-begin" disabled={beginning.isPending} onClick={() => beginning.mutate()}>
            {t("security.totp_begin")}
          </button>
        )}
        {totp !== null && (
          <button type="button" className="button small" data-testid="totp-remove" onClick={() => setRemoving(true)}>
            {t("security.remove")}
          </button>
        )}
      </div>
      <p className="hint">{t("security.totp_text")}</p>
      {totp !== null && (
        <p data-testid="totp-on">{t("security.since", { day: new Date(totp.since_ms).toLocaleDateString(language, { dateStyle: "medium" }) })}</p>
      )}
      {totp?.locked === true && (
        <p className="fault" role="alert">
          {t("security.totp_locked")}
        </p>
      )}
      {beginning.isError && (
        <p className="fault" role="alert">
          {failureText(t, beginning.error, language).text}
        </p>
      )}
      {totp === null && beginning.data !== undefined && <Enrol made={beginning.data} onDone={done} onCancel={() => beginning.reset()} />}
      {removing && (
        <Confirmed
          title={t("security.totp_remove_title")}
          text={t("security.remove_text")}
          action={t("security.remove")}
          testId="totp-remove-dialog"
          call={() => withProof(removeTotp)}
          onDone={() => onChanged(null)}
          onClose={() => setRemoving(false)}
        />
      )}
    </section>
  );
}

function Enrol({ made, onDone, onCancel }: { made: TotpEnrolment; onDone: (codes: readonly string[] | null) => Promise<void>; onCancel: () => void }) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const [code, setCode] = useState("");
  const [tried, setTried] = useState(false);
  const confirming = useMutation({
    mutationFn: () => withProof(() => confirmTotp(code.trim())),
    onSuccess: onDone,
    onError: () => setCode(""),
  });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (code.trim() === "" || confirming.isPending) return;
    setTried(false);
    confirming.mutate();
  };
  const fault = tried && code.trim() === "" ? t("auth.second_code_required") : confirming.isError && !tried ? failureText(t, confirming.error, language).text : null;
  return (
    <form className="stack" noValidate autoComplete="off" data-testid="totp-enrol" onSubmit={onSubmit}>
      <p>{t("security.totp_scan")}</p>
      <QrCode rows={made.qr} label={t("security.totp_qr")} />
      <p className="hint">{t("security.totp_type")}</p>
      <p className="code wrap" data-testid="totp-secret">
        {made.secret.replace(/(.{4})(?=.)/g, "$1 ")}
      </p>
      <CodeField value={code} onChange={setCode} testId="totp-code" fault={fault} label={t("security.totp_code")} />
      <div className="row">
        <button type="submit" className="button primary" data-testid="totp-confirm" disabled={confirming.isPending}>
          {t("security.totp_confirm")}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}

/** Black on white whatever the theme: cameras expect it. */
function QrCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const size = rows.length;
  const path = rows.flatMap((row, y) => [...row].flatMap((cell, x) => (cell === "1" ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return (
    <svg className="qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} width={size * 4} height={size * 4} shapeRendering="crispEdges" data-testid="totp-qr">
      <rect width={size} height={size} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
