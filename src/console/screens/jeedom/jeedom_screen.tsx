/**
 * Screen of Jeedom: rooms, equipment and commands.
 *
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import { Empty } from "../../components/empty.tsx";
import { GroupLinks } from "../../components/group_links.tsx";
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { SearchField } from "../../components/search_field.tsx";
import { useTexts, useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { callJeedom } from "./call.ts";
import { EquipmentCard } from "./equipment_card.tsx";
import { findEquipment } from "./find.ts";
import { type Action, readCommand } from "./rooms.ts";
import { JEEDOM_TEXTS } from "./texts.ts";
import { useRooms } from "./use_rooms.ts";

/** Cards that are shown before a button shows more: the largest homes have hundreds. */
const PAGE = 48;

/** Time that a device gets to report its new value before it is asked for, in milliseconds. */
const REPORT_MS = 400;

/** Screen of Jeedom. */
export function JeedomScreen({ connection, rest }: ScreenProps) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const app = useTexts().app;
  const { state, values, access, refresh } = useRooms(connection);
  const [search, setSearch] = useState("");
  const [limit, setLimit] = useState(PAGE);
  const isOffline = connection.status.value.kind === "offline";
  const rooms = state.kind === "known" ? state.rooms : [];
  const [wanted] = rest;
  const current = rooms.find(({ id }) => id === wanted && id !== "");
  const found = useMemo(
    () => findEquipment(current === undefined || search !== "" ? rooms : [current], search),
    [rooms, current, search],
  );

  function onRan({ infoId }: Action): void {
    if (infoId === undefined) return;
    const isReadable = access.may("cmd::byId") && access.commands?.includes(infoId) !== false;
    const ask = async () => {
      try {
        if (!isReadable) return refresh();
        const [info] = readCommand(await callJeedom(connection, "cmd::byId", { id: infoId }));
        if (info?.kind === "info") values.set(infoId, info.value);
      } catch {
        // The next change tells the value.
      }
    };
    setTimeout(() => void ask(), REPORT_MS);
  }

  const count = found.reduce((sum, { equipment }) => sum + equipment.length, 0);
  let left = limit;
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      {state.kind === "loading" && (isOffline ? <Empty icon="offline" title={texts.offline} /> : (
        <div class="units">
          <p class="visually-hidden" role="status">{texts.loading}</p>
          {[0, 1, 2, 3, 4, 5].map((index) => <div key={index} class="unit skeleton" aria-hidden="true" />)}
        </div>
      ))}
      {state.kind === "failed" && (
        <Empty icon="warning" title={texts.failed}>
          <p>{state.detail ?? texts.failedHow}</p>
          <button type="button" class="button primary" onClick={refresh}>{app.retry}</button>
        </Empty>
      )}
      {state.kind === "known" && rooms.length === 0 && (access.may("jeeObject::full")
        ? (
          <Empty icon="rooms" title={texts.empty}>
            <p>{texts.emptyHow}</p>
          </Empty>
        )
        : (
          <Empty icon="key" title={texts.notGranted}>
            <p>{texts.notGrantedHow}</p>
            <pre class="command"><code>{texts.notGrantedCommand(visibleText(connection.home.name))}</code></pre>
          </Empty>
        ))}
      {rooms.length > 0 && (
        <>
          <SearchField
            label={texts.find}
            value={search}
            found={texts.found(count)}
            onSearch={(text) => {
              setSearch(text);
              setLimit(PAGE);
            }}
          />
          {rooms.length > 1 && (
            <GroupLinks
              screen="jeedom"
              label={texts.rooms}
              all={texts.all}
              groups={rooms.map(({ id, name, equipment }) => ({ id, name, count: equipment.length }))}
              current={search === "" ? current?.id : undefined}
            />
          )}
          {count === 0 && <p class="loading" role="status">{texts.noMatch}</p>}
          <div class="unit-groups">
            {found.map((room) => {
              const shown = room.equipment.slice(0, left);
              left -= shown.length;
              if (shown.length === 0) return null;
              return (
                <section
                  key={room.id}
                  class={`of-${Math.min(shown.length, 3)}`}
                  aria-label={room.name === "" ? texts.noRoom : room.name}
                >
                  <div class="section">
                    <h2>
                      <bdi>{room.name === "" ? texts.noRoom : room.name}</bdi>
                    </h2>
                  </div>
                  <div class="units">
                    {shown.map((equipment) => (
                      <EquipmentCard
                        key={equipment.id}
                        equipment={equipment}
                        access={access}
                        connection={connection}
                        values={values}
                        isOffline={isOffline}
                        onRan={onRan}
                      />
                    ))}
                  </div>
                </section>
              );
            })}
          </div>
          {count > limit && (
            <p class="more">
              <button
                type="button"
                class="button plain"
                onClick={() => setLimit(limit + PAGE)}
              >
                {texts.more(Math.min(PAGE, count - limit))}
              </button>
            </p>
          )}
        </>
      )}
    </ScreenFrame>
  );
}
