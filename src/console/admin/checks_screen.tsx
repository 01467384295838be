/**
 * Screen of the doctor's checks.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Empty } from "../components/empty.tsx";
import { Icon } from "../components/icon.tsx";
import { useFormat } from "../context.tsx";
import { visibleText } from "../text/visible.ts";
import { AdminScreen } from "./admin_screen.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { DoctorReport, Finding } from "../../protocol/admin_api.ts";
import { isDoctorReport } from "./answers.ts";

/** Statuses, the most urgent first. */
const ORDER = ["failed", "warning", "ok", "skipped"] as const;

/** Checks, run on request. */
export function ChecksScreen() {
  const state = useAdmin();
  const texts = useAdminTexts().checks;
  const format = useFormat();
  const [report, setReport] = useState<DoctorReport | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);

  async function run(): Promise<void> {
    setIsBusy(true);
    const refused = await state.attempt(async () => setReport(await state.api.post("doctor", {}, isDoctorReport)));
    if (refused !== undefined) state.notice.value = refused;
    setIsBusy(false);
  }

  const button = (
    <button type="button" class="button primary" disabled={isBusy} onClick={() => void run()}>
      <Icon name="play" />
      {isBusy ? texts.running : texts.run}
    </button>
  );
  return (
    <AdminScreen title={texts.title} buttons={report === undefined ? undefined : button}>
      <p class="lead-line">{texts.lead}</p>
      {report === undefined ? <Empty icon="shield" title={texts.none}>{button}</Empty> : (
        <>
          <p class="lead-line" role="status">{texts.at(format.dateTime(report.at))}</p>
          <div class="findings">
            {ORDER.flatMap((status) => report.results.filter((finding) => finding.status === status))
              .map((finding) => <FindingCard key={finding.name} finding={finding} />)}
          </div>
        </>
      )}
    </AdminScreen>
  );
}

function FindingCard({ finding: { name, status, message, remedy } }: { readonly finding: Finding }) {
  const texts = useAdminTexts().checks;
  return (
    <section class="finding" aria-label={name}>
      <header>
        <h2>{name}</h2>
        <div class={`pill ${status}`}>
          <span class="dot" />
          {texts.statuses[status]}
        </div>
      </header>
      <p lang="en">{lines(message)}</p>
      {remedy !== undefined && <p class="remedy" lang="en">{lines(remedy)}</p>}
    </section>
  );
}

/** Returns a text whose invisible characters are shown, but for line breaks. */
function lines(text: string): string {
  return text.split("\n").map(visibleText).join("\n");
}
