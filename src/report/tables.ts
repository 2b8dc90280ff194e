import { ladderTable } from "./ladder-table.ts";
import { calibrationTable, confusedPairsTable, perClassTables } from "./model-tables.ts";
import type { StudyReport } from "./report-data.ts";
import { gainsTable, resultsTable } from "./result-tables.ts";
import type { Table } from "./table.ts";

/** Every table of the report, in reading order; what has no rows is left out. */
export function studyTables(report: StudyReport): Table[] {
  const { models } = report;
  const tables = [
    resultsTable(report),
    gainsTable(report),
    ...perClassTables(models),
    confusedPairsTable(models),
    calibrationTable(models),
    ...(report.isFashionMnist ? [ladderTable(report)] : []),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}
