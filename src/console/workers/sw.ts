/**
 * Service worker of the page.
 *
 * @module
 */
import { SHELL } from "../shell.ts";

addEventListener("install", () => SHELL.files);
