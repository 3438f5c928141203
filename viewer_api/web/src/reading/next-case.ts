import { listRequests } from '../api/requests';
import { t } from '../i18n';
import { navigate } from '../router';
import { notify } from '../ui/notice';
import type { Case } from './case';

export async function openNext(file: Case): Promise<void> {
  const next = await nextOf(file).catch(() => null);
  if (next) navigate(`/requests/${next}`);
  else notify(t('reading.no_next'));
}

/** The next case of the same kind that may be claimed; null when there is none. */
async function nextOf(file: Case): Promise<number | null> {
  const view = file.request.value.stage === 'REVIEW' ? 'review' : 'queue';
  const list = await listRequests({ view, limit: 20 });
  return list.items.find((one) => one.id !== file.id && one.allowed_commands.includes('claim'))?.id ?? null;
}
