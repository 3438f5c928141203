import type { JSX } from 'preact';
import { t } from '../i18n';
import { troubleText } from './trouble';

export function Loading({ text }: { text?: string }): JSX.Element {
  return (
    <p class="page-state" data-testid="loading" role="status">
      {text ?? t('state.loading')}
    </p>
  );
}

export function Empty({ title, hint }: { title: string; hint: string }): JSX.Element {
  return (
    <div class="page-state" data-testid="empty">
      <p class="lead">{title}</p>
      <p>{hint}</p>
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }): JSX.Element | null {
  const text = troubleText(error);
  if (!text) return null;
  return (
    <div class="page-state" data-testid="failed" role="alert">
      <p class="lead">{text}</p>
      <button type="button" data-testid="retry" onClick={onRetry}>
        {t('do.retry')}
      </button>
    </div>
  );
}
