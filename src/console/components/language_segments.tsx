/**
 * Choice of the language.
 *
 * @module
 */
import { isLanguage, type Language, LANGUAGES } from "../catalogue/language.ts";
import { useLanguage } from "../context.tsx";

/** Properties of the choice. */
export interface LanguageSegmentsProps {
  /** Label of the group. */
  readonly label: string;
  /** Called with the language that is chosen. */
  readonly onChoose: (language: Language) => void;
}

/** Languages by their own names, of which one is chosen. */
export function LanguageSegments({ label, onChoose }: LanguageSegmentsProps) {
  const current = useLanguage();
  return (
    <div class="segments" role="group" aria-label={label}>
      {Object.entries(LANGUAGES).map(([language, name]) => (
        <button
          key={language}
          type="button"
          lang={language}
          aria-pressed={language === current}
          onClick={() => isLanguage(language) && onChoose(language)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
