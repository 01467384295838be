/** Looks of the page. */

/** Sizes and colour schemes in which every screen is tested. */
export const LOOKS = [
  { name: "phone, light", viewport: { width: 390, height: 844 }, colorScheme: "light" },
  { name: "phone, dark", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
  { name: "desk, light", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  { name: "desk, dark", viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
] as const;

/** Size and colour scheme of a page. */
export type Look = (typeof LOOKS)[number];
