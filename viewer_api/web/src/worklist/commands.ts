import { giveCommand } from '../api/requests';
import { Problem } from '../api/problem';
import type { Holder, RequestDetail, RequestRow } from '../api/types';
import { named, t } from '../i18n';
import { hourMinute } from '../i18n/format';
import { rememberClaim } from '../report/claims';
import { navigate } from '../router';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import { selectedId, shown } from './list';
import { replaceRow } from './merge';

export function openRow(row: RequestRow): void {
  selectedId.value = row.id;
  navigate(`/requests/${row.id}`);
}

/** Takes the case and opens it; when somebody was faster, says who. */
export async function claimRow(row: RequestRow): Promise<void> {
  selectedId.value = row.id;
  const request = await claim(row.id);
  if (!request) return;
  shown.value = replaceRow(shown.value, request);
  navigate(`/requests/${row.id}`);
}

export async function claim(request_id: number): Promise<RequestDetail | null> {
  try {
    const answer = await giveCommand(request_id, 'claim');
    if (answer.claim) rememberClaim(request_id, answer.claim);
    return answer.request;
  } catch (error) {
    notify(claimTrouble(error) ?? '', 'bad');
    return null;
  }
}

function claimTrouble(error: unknown): string | null {
  if (error instanceof Problem && error.code === 'ALREADY_CLAIMED') {
    const holder = error.fields['holder'] as Partial<Holder> | undefined;
    return t('claim.taken', {
      name: named(holder?.name, holder?.name_zh),
      since: holder?.since ? hourMinute(holder.since) : '',
    });
  }
  return troubleText(error);
}
