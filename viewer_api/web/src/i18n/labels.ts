import type { DeliveryState, Positivity, Priority, RequestState, Role } from '../api/types';
import { type Word, t } from './index';
import { en } from './en';

/** The words of a coded value; an unknown code is shown as it is rather than hidden. */
function coded(prefix: string, code: string): string {
  const word = `${prefix}.${code}`;
  return word in en ? t(word as Word) : code;
}

export const stateLabel = (state: RequestState): string => coded('state', state);
export const priorityLabel = (priority: Priority): string => coded('priority', priority);
export const roleLabel = (role: Role): string => coded('role', role);
export const positivityLabel = (positivity: Positivity): string => coded('positivity', positivity);
export const deliveryLabel = (state: DeliveryState): string => coded('delivery', state);
export const commandLabel = (command: string): string => coded('event', command);
export const versionKindLabel = (kind: string): string => coded('version', kind);
export const evidenceLabel = (source: string): string => coded('evidence', source);
export const linkStateLabel = (state: string): string => coded('link_state', state);
export const linkTroubleLabel = (reason: string): string => coded('link_trouble', reason);
export const conflictLabel = (kind: string): string => coded('conflict', kind);
export const encounterLabel = (encounter: string): string => coded('encounter', encounter);

export function sexLabel(sex: string | null): string {
  return sex === 'M' || sex === 'F' || sex === 'O' ? coded('sex', sex) : '';
}
