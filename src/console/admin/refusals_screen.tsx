/**
 * Screen of the requests that were refused in the last minutes.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { Empty } from "../components/empty.tsx";
import { useFormat, useTexts } from "../context.tsx";
import { AdminScreen } from "./admin_screen.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { Refusal, RefusalList } from "../../protocol/admin_api.ts";
import { isRefusalList } from "./answers.ts";

/** Pause between two looks, in milliseconds. */
const POLL_MS = 5000;

/** Refusals by cause. */
export function RefusalsScreen() {
  const state = useAdmin();
  const texts = useAdminTexts().refusals;
  const loading = useTexts().app.loading;
  const [found, setFound] = useState<RefusalList | undefined>(undefined);
  useEffect(() => {
    const load = () => void state.attempt(async () => setFound(await state.api.get("refusals", isRefusalList)));
    load();
    const timer = setInterval(() => document.visibilityState === "visible" && load(), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <AdminScreen title={texts.title}>
      {found === undefined ? <p class="loading" role="status">{loading}</p> : (
        <>
          <p class="lead-line">{texts.lead(found.minutes)}</p>
          {found.refusals.length === 0
            ? (
              <Empty icon="check" title={texts.none}>
                <p>{texts.noneLead}</p>
              </Empty>
            )
            : (
              <div class="findings">
                {found.refusals.map((refusal) => (
                  <RefusalCard key={`${refusal.cause} ${refusal.key}`} refusal={refusal} />
                ))}
              </div>
            )}
        </>
      )}
    </AdminScreen>
  );
}

function RefusalCard({ refusal }: { readonly refusal: Refusal }) {
  const texts = useAdminTexts().refusals;
  const format = useFormat();
  const { cause, requests, key, addresses = [], clock_offset_seconds: offset } = refusal;
  const { title, about } = texts.causes[cause] ?? { title: cause, about: "" };
  return (
    <section class="finding" aria-label={key === undefined ? title : `${title}, ${texts.key(key)}`}>
      <header>
        <h2>{title}</h2>
        <span class="count num">{format.number(requests)}</span>
      </header>
      {key !== undefined && <p>{texts.key(key)}</p>}
      {offset !== undefined && <p>{texts.clock(format.duration(Math.abs(offset) * 1000), offset < 0)}</p>}
      {addresses.length > 0 && (
        <p class="quiet">{addresses.map(({ address, requests }) => `${address} (${requests})`).join(", ")}</p>
      )}
      {about !== "" && <p class="remedy">{about}</p>}
    </section>
  );
}
