/**
 * Page for a browser that cannot run this page: over plain HTTP, or without storage.
 *
 * @module
 */
import { CATALOGUE } from "../catalogue/catalogue.ts";
import type { Language } from "../catalogue/language.ts";
import { Icon } from "../components/icon.tsx";

/** Reason, and the language of the browser. */
export interface UnusableProps {
  /** Reason why the page cannot run. */
  readonly reason: "insecure" | "no_storage";
  /** Language. */
  readonly language: Language;
}

/** Says why the page cannot run, and what to do. */
export function Unusable({ reason, language }: UnusableProps) {
  const { insecure, noStorage } = CATALOGUE[language];
  const { title, lead } = reason === "insecure" ? insecure : noStorage;
  document.title = title;
  return (
    <main class="welcome">
      <div class="welcome-card">
        <span class="badge large heat">
          <Icon name="warning" />
        </span>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {reason === "insecure" && (
          <>
            <h2>{insecure.steps}</h2>
            <ul class="words">
              <li>{insecure.https}</li>
              <li>{insecure.local}</li>
            </ul>
            <p class="quiet">{insecure.nothingSent}</p>
          </>
        )}
      </div>
    </main>
  );
}
