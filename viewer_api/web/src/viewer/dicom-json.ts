/** Reading the DICOM JSON Model (PS3.18 Annex F). Tags are eight upper-case hexadecimal digits. */

export interface Attribute {
  vr: string;
  Value?: unknown[];
  BulkDataURI?: string;
  InlineBinary?: string;
}

export type DataSet = Record<string, Attribute | undefined>;

export function values(dataset: DataSet | undefined, tag: string): unknown[] {
  return dataset?.[tag]?.Value ?? [];
}

export function text(dataset: DataSet | undefined, tag: string): string | null {
  const value = values(dataset, tag)[0];
  return value === undefined || value === null ? null : String(value).trim() || null;
}

export function texts(dataset: DataSet | undefined, tag: string): string[] {
  return values(dataset, tag)
    .filter((value) => value !== null && value !== undefined)
    .map(String);
}

/** DS and IS may come as numbers or as strings. */
export function numbers(dataset: DataSet | undefined, tag: string): number[] {
  return values(dataset, tag)
    .filter((value) => value !== null && value !== '')
    .map(Number)
    .filter(Number.isFinite);
}

export function number(dataset: DataSet | undefined, tag: string): number | null {
  return numbers(dataset, tag)[0] ?? null;
}

export function sequence(dataset: DataSet | undefined, tag: string): DataSet[] {
  return values(dataset, tag).filter((value): value is DataSet => typeof value === 'object' && value !== null);
}

export interface NameGroups {
  alphabetic: string | null;
  ideographic: string | null;
  phonetic: string | null;
}

export function name(dataset: DataSet | undefined, tag: string): NameGroups {
  const value = values(dataset, tag)[0] as { Alphabetic?: string; Ideographic?: string; Phonetic?: string } | undefined;
  return {
    alphabetic: value?.Alphabetic ?? null,
    ideographic: value?.Ideographic ?? null,
    phonetic: value?.Phonetic ?? null,
  };
}
