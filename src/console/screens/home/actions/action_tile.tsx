/**
 * Tile of one action: its control, its state, the outcome of its last run.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { Confirm } from "../../../components/confirm.tsx";
import { Dialog } from "../../../components/dialog.tsx";
import { useApp, useFormat, useTexts } from "../../../context.tsx";
import { askedAction } from "../../../push/notification_route.ts";
import { visibleText } from "../../../text/visible.ts";
import { actionIcon, toneOf } from "./action_icon.ts";
import type { ParamValue } from "./action_list.ts";
import { ButtonTile } from "./button_tile.tsx";
import { ChoiceTile } from "./choice_tile.tsx";
import { controlOf } from "./control.ts";
import { ParamForm } from "./param_form.tsx";
import { SliderTile } from "./slider_tile.tsx";
import { stateText } from "./state_text.ts";
import { SwitchTile } from "./switch_tile.tsx";
import type { TileProps } from "./tile.ts";
import { type RunOptions, useRun } from "./use_run.ts";

/** Properties of the tile of an action. */
export interface ActionTileProps extends RunOptions {
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
  /** True for the only tile of the screen. */
  readonly isAlone: boolean;
}

/** Tile of an action. */
export function ActionTile({ isOffline, isAlone, ...options }: ActionTileProps) {
  const { action, connection, uses } = options;
  const app = useApp();
  const texts = useTexts().home;
  const format = useFormat();
  const { command: { run, news, shown }, coolDownSeconds, start: send } = useRun(options);
  const [asked, setAsked] = useState<Readonly<Record<string, ParamValue>> | undefined>(undefined);
  const [isFormOpen, setIsFormOpen] = useState(false);
  const control = controlOf(action);
  const label = visibleText(action.label);
  const icon = actionIcon(action);
  const coolDown = coolDownSeconds > 0 ? texts.coolDown(format.duration(coolDownSeconds * 1000)) : undefined;
  const state = stateText(action.state, { texts, format });

  function start(params: Readonly<Record<string, ParamValue>>, isConfirmed = false): void {
    if (action.confirm !== undefined && !isConfirmed) setAsked(params);
    else void send(params);
  }

  const isDisabled = isOffline || run.kind === "sent" || coolDown !== undefined || uses?.left === 0 ||
    control.kind === "unsupported";
  const isAskedFor = askedAction(app.route.value, connection.home.kid) === action.name;
  useEffect(() => {
    // Of a notification's button. Any link may have the address: it asks, and runs nothing.
    if (!isAskedFor || isDisabled) return;
    if (control.kind === "form") setIsFormOpen(true);
    else if (control.kind === "button" && action.confirm !== undefined) setAsked({});
    else return;
    app.browser.go("#/home");
  }, [isAskedFor, isDisabled, control.kind, action.confirm]);

  const props: TileProps = {
    action,
    label,
    icon,
    tone: toneOf(icon),
    news: control.kind === "unsupported" ? texts.unsupported : news ?? coolDown,
    isCounting: news === undefined && coolDown !== undefined,
    state,
    run,
    shown: shown(action.state ?? undefined),
    isDisabled,
    isAlone,
    start,
  };
  return (
    <>
      {control.kind === "slider"
        ? <SliderTile {...props} control={control} />
        : control.kind === "switch"
        ? <SwitchTile {...props} control={control} />
        : control.kind === "choice"
        ? <ChoiceTile {...props} control={control} />
        : control.kind === "form"
        ? <ButtonTile {...props} onPress={() => setIsFormOpen(true)} />
        : <ButtonTile {...props} onPress={() => start({})} />}
      {isFormOpen && control.kind === "form" && (
        <Dialog
          title={label}
          onClose={() => setIsFormOpen(false)}
          class="narrow"
        >
          <ParamForm
            params={control.params}
            onRun={(params) => {
              setIsFormOpen(false);
              start(params);
            }}
          />
        </Dialog>
      )}
      {asked !== undefined && action.confirm !== undefined && (
        <Confirm
          title={label}
          question={visibleText(action.confirm)}
          confirm={texts.run}
          onConfirm={() => start(asked, true)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
}
