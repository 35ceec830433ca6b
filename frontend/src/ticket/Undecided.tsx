/** Above the ticket of a symbol with a difference that nobody has decided: nothing that adds risk goes, and the way to it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Account, Instrument } from "../api/types";
import { differencesQuery } from "../differences/queries";
import { useWords } from "../i18n/useWords";

export function Undecided({ account, instrument }: { account: Account; instrument: Pick<Instrument, "category" | "symbol"> }) {
  const { t } = useWords();
  // Without an open difference there is nothing to ask for.
  const found = useQuery({ ...differencesQuery(account.id), enabled: account.drift_count > 0 });
  const blocked = account.drift_count > 0 && found.data?.some((each) => each.blocks && each.symbol === instrument.symbol && each.category === instrument.category) === true;
  if (!blocked) return null;
  return (
    <p className="caution ticket-blocked" role="status" data-testid="ticket-blocked">
      {t("differences.ticket_blocked", { symbol: instrument.symbol })}{" "}
      <Link to="/settings/accounts/$account/differences" params={{ account: account.id }} className="link-button">
        {t("differences.banner_open")}
      </Link>
    </p>
  );
}
