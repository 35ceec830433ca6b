/** Recovery codes: how many are left, a new set, and the one look at them. */
import { useEffect, useRef, useState } from "react";
import { makeRecoveryCodes } from "../api/factors";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { Confirmed } from "./Confirmed";

type Props = { readonly left: number; readonly hasFactor: boolean; readonly onChanged: (codes: readonly string[] | null) => Promise<void> };

export function SecurityRecovery({ left, hasFactor, onChanged }: Props) {
  const { t } = useWords();
  const withProof = useStepUp();
  const [asking, setAsking] = useState(false);
  const fresh = useRef<readonly string[] | null>(null);
  return (
    <section className="box" aria-labelledby="recovery-title" data-testid="recovery">
      <div className="settings-head">
        <h2 id="recovery-title">{t("security.recovery")}</h2>
        <span className="spacer" />
        {hasFactor && (
          <button type="button" className="button small" data-testid="recovery-make" onClick={() => setAsking(true)}>
            {t("security.recovery_make")}
          </button>
        )}
      </div>
      <p className="hint">{t("security.recovery_text")}</p>
      <p className={hasFactor && left < 3 ? "caution" : "muted"} data-testid="recovery-left">
        {hasFactor ? t("security.recovery_left", { count: left }) : t("security.recovery_none")}
      </p>
      {asking && (
        <Confirmed
          title={t("security.recovery_make_title")}
          text={t("security.recovery_make_text")}
          action={t("security.recovery_make_confirm")}
          testId="recovery-dialog"
          call={async () => {
            fresh.current = await withProof(makeRecoveryCodes);
          }}
          onDone={() => onChanged(fresh.current)}
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  );
}

/** Shown once, because only their hashes are kept. */
export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const { t } = useWords();
  const [copied, setCopied] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(codes.join("\n"));
      setCopied(true);
    } catch {
      setCopied(false); // no right to the clipboard: they stand there to be copied by hand
    }
  };
  return (
    <section className="box" aria-labelledby="codes-title" data-testid="recovery-codes">
      <h2 id="codes-title" ref={title} tabIndex={-1}>
        {t("security.codes_title")}
      </h2>
      <p>{t("security.codes_text")}</p>
      <ol className="recovery-codes">
        {codes.map((code) => (
          <li key={code} className="code">
            {code}
          </li>
        ))}
      </ol>
      <div className="row">
        <button type="button" className="button primary" data-testid="codes-copy" onClick={() => void copy()}>
          {copied ? t("security.codes_copied") : t("security.codes_copy")}
        </button>
        <button type="button" className="button" data-testid="codes-done" onClick={onDone}>
          {t("security.codes_done")}
        </button>
      </div>
    </section>
  );
}
