/**
 * Frame of a screen of the Admin page.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { LanguageSegments } from "../components/language_segments.tsx";
import { useAdmin } from "./admin_context.tsx";
import { useAdminTexts } from "./admin_texts.ts";

/** Properties of a frame. */
export interface AdminScreenProps {
  /** Title, its only heading of the first level. */
  readonly title: string;
  /** Buttons beside it. */
  readonly buttons?: ComponentChildren;
  /** Content. */
  readonly children: ComponentChildren;
}

/** Frame of a screen: its title, its buttons, its content, the languages. */
export function AdminScreen({ title, buttons, children }: AdminScreenProps) {
  const { chooseLanguage } = useAdmin();
  const texts = useAdminTexts();
  return (
    <div class="screen">
      <header class="head">
        <h1>{title}</h1>
        {buttons !== undefined && <div class="buttons">{buttons}</div>}
      </header>
      {children}
      <footer class="foot">
        <LanguageSegments label={texts.language} onChoose={chooseLanguage} />
      </footer>
    </div>
  );
}
