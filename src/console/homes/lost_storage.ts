/**
 * Recognition of keys that the browser deleted: after seven days without a visit, when space was short, or with a private
 * window.
 *
 * @module
 */

/** Mark that this device was paired once. It holds nothing of a home, and often outlives the deleted key. */
export interface PairedMark {
  /** Returns whether the mark is there. */
  has(): boolean;
  /** Sets the mark. */
  set(): void;
  /** Removes the mark, when the last home is forgotten on purpose. */
  remove(): void;
}

/** Circumstances of a start without any home. */
export interface EmptyStart {
  /** Fragment of the page's address. */
  readonly hash: string;
  /** True if the page runs as an installed app. */
  readonly isInstalled: boolean;
  /** Mark of an earlier pairing. */
  readonly mark: Pick<PairedMark, "has">;
}

/** Returns whether this device was probably paired before: a new visitor has neither a screen's address nor the app. */
export function wasPairedBefore({ hash, isInstalled, mark }: EmptyStart): boolean {
  return mark.has() || isInstalled || hash.startsWith("#/");
}

const MARK = "e2e-gateway-paired";

/** Makes the mark in the browser's local storage, which may be switched off. */
export function createPairedMark(open: () => Storage): PairedMark {
  const attempt = <T>(use: (storage: Storage) => T, otherwise: T): T => {
    try {
      return use(open());
    } catch {
      return otherwise;
    }
  };
  return {
    has: () => attempt((storage) => storage.getItem(MARK) !== null, false),
    set: () => attempt((storage) => storage.setItem(MARK, "1"), undefined),
    remove: () => attempt((storage) => storage.removeItem(MARK), undefined),
  };
}
