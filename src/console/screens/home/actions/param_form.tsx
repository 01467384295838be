/**
 * Form for the parameters of an action.
 *
 * @module
 */
import { useId, useState } from "preact/hooks";
import { Switch } from "../../../components/switch.tsx";
import { useTexts } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import type { Param, ParamValue } from "./action_list.ts";

/** Properties of the form. */
export interface ParamFormProps {
  /** Parameters. */
  readonly params: readonly Param[];
  /** Called with the values of all parameters. */
  readonly onRun: (values: Readonly<Record<string, ParamValue>>) => void;
}

/** Form with a field for each parameter. */
export function ParamForm({ params, onRun }: ParamFormProps) {
  const texts = useTexts().home;
  const [values, setValues] = useState(() => Object.fromEntries(params.map((param) => [param.name, initialOf(param)])));
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        onRun(values);
      }}
    >
      {params.map((param) => (
        <ParamField
          key={param.name}
          param={param}
          value={values[param.name] ?? initialOf(param)}
          onValue={(value) => setValues({ ...values, [param.name]: value })}
        />
      ))}
      <div class="buttons">
        <button type="submit" class="button primary">{texts.run}</button>
      </div>
    </form>
  );
}

function initialOf(param: Param): ParamValue {
  switch (param.type) {
    case "number":
      return param.min ?? 0;
    case "enum":
      return param.values[0] ?? "";
    case "boolean":
      return false;
    case "text":
      return "";
  }
}

interface FieldProps {
  readonly param: Param;
  readonly value: ParamValue;
  readonly onValue: (value: ParamValue) => void;
}

function ParamField({ param, value, onValue }: FieldProps) {
  const id = useId();
  return (
    <div class={param.type === "boolean" ? "form-row" : "form-field"}>
      <label for={id}>{visibleText(param.label)}</label>
      <ParamInput id={id} param={param} value={value} onValue={onValue} />
    </div>
  );
}

function ParamInput({ id, param, value, onValue }: FieldProps & { readonly id: string }) {
  switch (param.type) {
    case "number":
      return (
        <input
          id={id}
          class="field num"
          type="number"
          inputMode="decimal"
          required
          min={param.min}
          max={param.max}
          step={param.step ?? "any"}
          value={String(value)}
          onInput={(event) => onValue(event.currentTarget.valueAsNumber)}
        />
      );
    case "enum":
      return (
        <select
          id={id}
          class="field"
          value={param.values.findIndex((one) => one === value)}
          onChange={(event) => onValue(param.values[event.currentTarget.selectedIndex] ?? value)}
        >
          {param.values.map((one, index) => <option key={index} value={index}>{visibleText(String(one))}</option>)}
        </select>
      );
    case "boolean":
      return <Switch id={id} isOn={value === true} onSwitch={onValue} />;
    case "text":
      return (
        <input
          id={id}
          class="field"
          type="text"
          maxLength={param.maxLength}
          value={String(value)}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      );
  }
}
