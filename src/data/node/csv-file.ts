import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { parse as parseAtOnce } from "csv-parse/sync";
import { UserError } from "../../errors.ts";
import { count } from "../../text.ts";
import { type FolderEntry, readHead } from "./picture-files.ts";

/** How much of a file is read to recognise it. */
const HEAD_BYTES = 2 ** 16;
const DELIMITERS = [",", ";", "\t"] as const;

/** The beginning of a CSV file. */
export interface CsvHead {
  readonly path: string;
  readonly delimiter: string;
  /** The cells of the first line, or of its first 64 KiB. */
  readonly header: readonly string[];
  /** The rows after it that lie in the first 64 KiB. */
  readonly rows: readonly (readonly string[])[];
}

/** A row of a CSV file and the line on which it ends, from 1. */
export interface CsvRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Whether a file is a table by its name. */
export function isCsvName({ name }: Pick<FolderEntry, "name">): boolean {
  return [".csv", ".tsv"].includes(extname(name).toLowerCase());
}

/**
 * Reads the first 64 KiB of a CSV file. The delimiter (comma, semicolon or tab) is the one that is most frequent in
 * the first line.
 *
 * @returns undefined when that is not the beginning of a table
 */
export function readCsvHead(path: string): CsvHead | undefined {
  const head = headOf(path);
  if (head === undefined || head.text.includes("\0")) return undefined;
  const { text, isAll } = head;
  const first = /^[^\r\n]*/.exec(text)![0];
  const unquoted = first.replace(/"[^"]*"/g, "");
  const times = (delimiter: string) => unquoted.split(delimiter).length;
  const delimiter = DELIMITERS.reduce((best, other) => (times(other) > times(best) ? other : best));
  // Of a first line that is longer only the complete cells count, else only the complete lines.
  if (!isAll && first === text) return { path, delimiter, header: first.split(delimiter).slice(0, -1), rows: [] };
  const whole = isAll ? text : text.slice(0, text.lastIndexOf("\n") + 1);
  try {
    const [header, ...rows] = parseAtOnce(whole, { ...FORM, delimiter });
    return header && { path, delimiter, header, rows };
  } catch {
    // The header decides what the table is; faults of the rows are reported when they are read.
    return { path, delimiter, header: first.split(delimiter), rows: [] };
  }
}

const FORM = {
  trim: true,
  skip_empty_lines: true,
  relax_column_count: false,
  record_delimiter: ["\r\n", "\n", "\r"],
};

function headOf(path: string): { readonly text: string; readonly isAll: boolean } | undefined {
  const head = readHead(path, HEAD_BYTES);
  return head && { text: new TextDecoder().decode(head), isAll: head.length < HEAD_BYTES };
}

/**
 * Reads a CSV file row by row, the header first: UTF-8 with or without a byte order mark, lines that end in LF or CRLF,
 * cells in quotes. Memory holds one row.
 *
 * @param maxRow longest row that is accepted, in characters
 * @throws UserError naming the file and the line when it is not such a table, or rows have different numbers of cells
 */
export async function* readCsv({ path, delimiter }: CsvHead, maxRow: number): AsyncGenerator<CsvRow> {
  const parser = parse({ ...FORM, bom: true, delimiter, info: true, max_record_size: maxRow });
  // The parser reports the errors of both.
  pipeline(createReadStream(path), parser, () => {});
  try {
    for await (const { record, info } of parser) {
      const cells: string[] = record;
      const strange = cells.findIndex((cell) => cell.includes("\uFFFD"));
      if (strange >= 0) {
        throw new UserError(`${path}, line ${info.lines}: cell ${strange + 1} is not text in UTF-8; save the file so`);
      }
      yield { cells, line: info.lines };
    }
  } catch (cause) {
    throw explain(cause, path, maxRow);
  }
}

function explain(cause: unknown, path: string, maxRow: number): unknown {
  if (cause instanceof UserError || !(cause instanceof Error)) return cause;
  if (cause instanceof CsvError) {
    const { lines } = cause as CsvError & { lines?: number };
    const place = lines === undefined ? path : `${path}, line ${lines}`;
    const problem = PROBLEMS[cause.code]?.(cause, maxRow) ?? `not a table (${cause.message})`;
    return new UserError(`${place}: ${problem}`, { cause });
  }
  if (!("syscall" in cause)) return cause;
  return new UserError(`${path} cannot be read (${cause.message}): a readable file is needed there`, { cause });
}

/** What is wrong, by csv-parse's codes. */
const PROBLEMS: Readonly<Record<string, (error: CsvError & { record?: unknown }, maxRow: number) => string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: (error) =>
    `${Array.isArray(error.record) ? `${count(error.record.length)} cells` : "another number of cells"} where the header has another number; every row needs as many`,
  CSV_QUOTE_NOT_CLOSED: () => "a quote is opened but not closed; is the file cut short?",
  CSV_INVALID_CLOSING_QUOTE: () => 'text follows a closing quote; quotes within a quoted cell are doubled: ""',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: () =>
    'text follows a closing quote; quotes within a quoted cell are doubled: ""',
  INVALID_OPENING_QUOTE: () => "a quote in the middle of a cell; put the whole cell into quotes and double those in it",
  CSV_MAX_RECORD_SIZE: (_, maxRow) => `a row has more than ${count(maxRow)} characters, which are the most`,
};
