/**
 * Dialog that chooses pinned values out of all that the key may read.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Dialog } from "../../../components/dialog.tsx";
import { SearchField } from "../../../components/search_field.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { useFormat, useTexts } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { stateText } from "../actions/state_text.ts";
import { MAX_PINS, type Pin, pinId, type PinValue } from "./pin.ts";
import { useCandidates } from "./use_candidates.ts";

/** Properties of the dialog. */
export interface PinEditorProps {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Pins. */
  readonly pins: readonly Pin[];
  /** Called with the new pins after each change. */
  readonly onChoose: (pins: readonly Pin[]) => void;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Most values that are listed at a time: a filter finds the others. */
const MAX_LISTED = 100;

/** Dialog of pins. */
export function PinEditor({ connection, pins, onChoose, onClose }: PinEditorProps) {
  const texts = useTexts();
  const format = useFormat();
  const candidates = useCandidates(connection);
  const [filter, setFilter] = useState("");
  const chosen = new Map(pins.map((pin) => [pinId(pin), pin]));
  const words = filter.toLowerCase().split(/\s+/);
  // In the order of the opening, so that a row stays where it is pressed.
  const [first] = useState(pins);
  const firstIds = new Set(first.map(pinId));
  const all: readonly (Pin & { readonly value?: PinValue })[] = [
    ...first.map((pin) => candidates.get(pinId(pin)) ?? pin),
    ...[...candidates.values()].filter((pin) => !firstIds.has(pinId(pin))),
  ];
  const found = all.filter(({ topic, path, label }) => {
    const text = `${topic} ${path.join(" ")} ${label}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const isFull = pins.length >= MAX_PINS;

  function toggle(pin: Pin): void {
    const { service, topic, path, label, unit } = pin;
    onChoose(
      chosen.has(pinId(pin))
        ? pins.filter((other) => pinId(other) !== pinId(pin))
        : [...pins, { service, topic, path, label, unit }],
    );
  }

  return (
    <Dialog title={texts.pins.editTitle} onClose={onClose} class="editor">
      <SearchField
        label={texts.pins.find}
        value={filter}
        found={texts.pins.found(found.length)}
        onSearch={setFilter}
      />
      {isFull && <p class="alert" role="status">{texts.pins.full(MAX_PINS)}</p>}
      {found.length === 0 && (
        <p class="quiet" role="status">{all.length === 0 ? texts.pins.looking : texts.pins.nothing}</p>
      )}
      <ul class="candidates">
        {found.slice(0, MAX_LISTED).map((pin) => {
          const isChosen = chosen.has(pinId(pin));
          return (
            <li key={pinId(pin)}>
              <label class="candidate">
                <input
                  type="checkbox"
                  checked={isChosen}
                  disabled={isFull && !isChosen}
                  onChange={() => toggle(pin)}
                />
                <span class="candidate-text">
                  <bdi>{visibleText(pin.label)}</bdi>
                  <bdi class="topic">{visibleText(placeOf(pin))}</bdi>
                </span>
                {pin.value !== undefined && (
                  <b class="num">
                    {stateText(pin.value, { texts: texts.home, format })} <small>{visibleText(pin.unit)}</small>
                  </b>
                )}
              </label>
            </li>
          );
        })}
      </ul>
      <div class="buttons">
        <button type="button" class="button primary" onClick={onClose}>{texts.pins.save}</button>
      </div>
    </Dialog>
  );
}

/** Returns the place of a value: its topic and members, or its entity. */
function placeOf({ service, topic, path }: Pin): string {
  return service === "home_assistant" ? topic : [topic, ...path].join(" › ");
}
