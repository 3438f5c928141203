import { Problem } from '../api/problem';
import { SignedOut } from '../api/reauthentication';
import { t } from '../i18n';

/** What to tell the user about a failed call, with what to do next; null when there is nothing to tell. */
export function troubleText(error: unknown): string | null {
  if (error instanceof SignedOut || (error instanceof DOMException && error.name === 'AbortError')) return null;
  if (!(error instanceof Problem)) return t('trouble.unexpected', { detail: String(error) });
  if (error.status === 0) return t('trouble.offline');
  if (error.passing) return t('trouble.unavailable');
  if (error.status === 403) return t('trouble.denied');
  if (error.status === 404) return t('trouble.not_found');
  if (error.code === 'CLAIM_LOST') return t('trouble.claim_lost');
  if (error.code === 'COMMAND_NOT_ALLOWED') return t('trouble.not_allowed_now');
  if (error.code === 'EVIDENCE_CHANGED') return t('late.came', { n: Number(error.fields['new_images'] ?? 0) });
  if (error.code === 'AGREEMENT_MISSING') return t('trouble.agreement_missing');
  if (error.code === 'WRONG_PASSWORD') return t('signin.wrong');
  if (error.status >= 500) return t('trouble.bug', { detail: error.message });
  return t('trouble.refused', { detail: error.message });
}
