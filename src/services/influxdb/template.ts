/**
 * Texts of queries with placeholders such as `$room`, for which the gateway puts values.
 *
 * @module
 */

/** Language of a query: of InfluxDB 1, 2 and 3. */
export type Language = "influxql" | "flux" | "sql";

/** Text of a query, split at its placeholders. */
export type Template = readonly (string | Placeholder)[];

/** Place for the value of a parameter. */
export interface Placeholder {
  /** Name of the parameter. */
  readonly param: string;
}

/** A query that is read, or its fault as text that follows its name. */
export type ParsedTemplate =
  | { readonly template: Template; readonly fault?: undefined }
  | { readonly template?: undefined; readonly fault: string };

/** Name of a parameter. */
const PARAM = /^[A-Za-z]\w{0,31}$/;

/** Rule for the name of a parameter, as text that follows it. */
export const PARAM_RULE = "must be a name of 1 to 32 letters, digits and underscores, first a letter";

/** Returns whether a text can be the name of a parameter. */
export function isParamName(text: string): boolean {
  return PARAM.test(text);
}

/** Piece of a query. */
interface Piece {
  readonly kind: "code" | "quoted" | "comment";
  readonly text: string;
}

/** Patterns of a language at the beginning of the rest of a query, the first match counts. */
interface Lexis {
  /** Strings and quoted names, whole. */
  readonly quoted: RegExp;
  /** Comments, whole. */
  readonly comment: RegExp;
  /** Beginning of a string, a quoted name or a comment, which has no end where the whole one does not match. */
  readonly open: RegExp;
  /** Keywords at the end of code, before the place of an operand. There, a slash begins a regular expression. */
  readonly keyword?: RegExp;
}

const LEXES: Readonly<Record<Language, Lexis>> = {
  influxql: {
    quoted: /^(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")/,
    comment: /^(?:--[^\n]*|\/\*[^]*?\*\/)/,
    open: /^(?:['"]|\/\*)/,
    keyword: /(?<![.\w])(?:and|by|distinct|from|in|key|or|select|where)\s*$/i,
  },
  flux: {
    quoted: /^"(?:[^"\\]|\\[^])*"/,
    comment: /^\/\/[^\n]*/,
    open: /^"/,
    keyword: /(?<![.\w])(?:and|else|if|in|not|or|return|then)\s*$/,
  },
  sql: {
    quoted: /^(?:'[^']*'|"[^"]*")/,
    comment: /^(?:--[^\n]*|\/\*[^]*?\*\/)/,
    open: /^(?:['"]|\/\*)/,
  },
};

const REGEX = /^\/(?:[^/\\\n]|\\.)*\//;

/** Matches the end of an operand or a keyword. */
const WORD_END = /[\p{L}\p{N}_)\]}]\s*$/u;

/** Splits a query at its strings and comments; undefined if one of them has no end. */
function split(text: string, language: Language): readonly Piece[] | undefined {
  const { quoted, comment, open, keyword } = LEXES[language];
  const pieces: Piece[] = [];
  let code = "";
  // Elsewhere a slash divides; so it does behind quotes.
  const isBeforeOperand = () => {
    const last = [...pieces, { kind: "code", text: code }]
      .findLast(({ kind, text: piece }) => kind !== "comment" && piece.trim() !== "");
    if (last?.kind === "quoted") return false;
    return last === undefined || !WORD_END.test(last.text) || keyword?.test(last.text) === true;
  };
  const push = (kind: Piece["kind"], found: string) => {
    if (code !== "") pieces.push({ kind: "code", text: code });
    code = "";
    pieces.push({ kind, text: found });
    return found.length;
  };
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at);
    const [inQuotes] = quoted.exec(rest) ?? [];
    const [remark] = comment.exec(rest) ?? [];
    const [regex] = keyword !== undefined && rest.startsWith("/") && isBeforeOperand() ? REGEX.exec(rest) ?? [] : [];
    if (inQuotes !== undefined) at += push("quoted", inQuotes);
    else if (remark !== undefined) at += push("comment", remark);
    else if (regex !== undefined) at += push("quoted", regex);
    else if (open.test(rest)) return undefined;
    else code += text[at++];
  }
  if (code !== "") pieces.push({ kind: "code", text: code });
  return pieces;
}

/**
 * Parses the text of a query. Only a single query that reads is accepted, as far as its text shows.
 *
 * @param params names of the parameters that there are
 */
export function parseTemplate(
  text: string,
  { language, params }: { readonly language: Language; readonly params: readonly string[] },
): ParsedTemplate {
  const pieces = split(text, language);
  if (pieces === undefined) return { fault: "has a quotation mark or a comment that does not end" };
  if (language === "flux" && pieces.some(({ kind, text: piece }) => kind === "quoted" && piece.includes("${"))) {
    // Its expression may hold strings of its own, whose quotes would end this one.
    return { fault: "has a string with ${: join strings with + instead" };
  }
  const fault = readingFault(pieces, language);
  if (fault !== undefined) return { fault };
  if (pieces.some(({ kind, text: piece }) => kind === "code" && /[\w$]\$\w/.test(piece))) {
    return { fault: "has a $ directly after a letter or digit: put a space before it" };
  }
  if (language !== "sql" && pieces.some(({ kind, text: piece }) => kind === "code" && /[=!]~\s*\$/.test(piece))) {
    return { fault: "has a parameter after =~ or !~, where a regular expression must be: use = or !=" };
  }
  const template: (string | Placeholder)[] = [];
  for (const { kind, text: piece } of pieces) {
    // A comment says nothing to InfluxDB, and would hide a value.
    if (kind === "comment") template.push(" ");
    else if (kind === "code") template.push(...splitCode(piece));
    else template.push(piece);
    if (kind !== "quoted") continue;
    const inside = params.find((name) => new RegExp(`\\$${name}(?!\\w)`).test(piece));
    if (inside !== undefined) {
      return { fault: `has $${inside} within quotes: write it without them, the gateway quotes` };
    }
  }
  const used = template.flatMap((part) => typeof part === "string" ? [] : [part.param]);
  const unknown = used.find((name) => !params.includes(name));
  if (unknown !== undefined) return { fault: `has $${unknown}, which params does not define` };
  const unused = params.find((name) => !used.includes(name));
  if (unused !== undefined) return { fault: `has no $${unused}, which params defines` };
  return { template };
}

function splitCode(code: string): Template {
  // A capturing group: each second part is a name.
  return code.split(/\$([A-Za-z_]\w*)/).map((part, index) => index % 2 === 0 ? part : { param: part });
}

/** Returns why a query is not a single one that reads. */
function readingFault(pieces: readonly Piece[], language: Language): string | undefined {
  const code = pieces.map(({ kind, text }) => kind === "code" ? text : " ").join("");
  if (code.trim() === "") return "must not be empty";
  if (language === "flux") {
    return /\b(?:to|wideTo)\s*\(/.test(code) ? "must not write: to() is not allowed in it" : undefined;
  }
  if (code.includes(";")) return "must be a single statement, without ;";
  const first = /^\s*(\w+)/.exec(code)?.[1]?.toUpperCase();
  if (language === "sql") {
    return first === "SELECT" || first === "WITH" || first === "SHOW"
      ? undefined
      : "must begin with SELECT, WITH or SHOW";
  }
  if (first !== "SELECT" && first !== "SHOW") return "must begin with SELECT or SHOW";
  // InfluxDB 1 runs it even with GET, and writes.
  return /\bINTO\b/i.test(code) ? "must not write: INTO is not allowed in it" : undefined;
}
