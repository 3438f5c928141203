import type { ReportContent } from '../api/types';

/** The text as typed, kept on this computer until the server has it, so that a crash loses nothing. */
export interface MirroredText {
  content: ReportContent;
  base: number;
  at: string;
}

function keyOf(user_id: number, request_id: number): string {
  return `farlight.draft.${user_id}.${request_id}`;
}

export function keepText(user_id: number, request_id: number, text: MirroredText): void {
  try {
    localStorage.setItem(keyOf(user_id, request_id), JSON.stringify(text));
  } catch {
    // A full or forbidden storage must not stop the typing; the server still gets the text.
  }
}

export function keptText(user_id: number, request_id: number): MirroredText | null {
  const text = localStorage.getItem(keyOf(user_id, request_id));
  if (!text) return null;
  try {
    return JSON.parse(text) as MirroredText;
  } catch {
    return null;
  }
}

export function dropText(user_id: number, request_id: number): void {
  localStorage.removeItem(keyOf(user_id, request_id));
}
