import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { eventLink } from '../api/events';
import type { RequestFilter } from '../api/requests';
import type { View } from '../api/types';
import { t } from '../i18n';
import { path, rewriteAddress } from '../router';
import { isReader, views } from '../session/session';
import { AppHeader } from '../ui/app-header';
import { HelpDialog } from '../ui/help-dialog';
import { notify } from '../ui/notice';
import { Empty, Failed, Loading } from '../ui/page-state';
import { useMedia, useNow, useTheme, useTitle } from '../ui/use';
import { troubleText } from '../ui/trouble';
import { addressOf, filterOf } from './address';
import { WorklistCards } from './cards';
import { claimRow, openRow } from './commands';
import { Filters } from './filters';
import { isTyping, listAction, moved } from './keys';
import { followNews, loading, openList, problem, reloadList, selectedId, showMore, shown, total } from './list';
import { WorklistTable } from './table';
import { Tabs } from './tabs';

export function WorklistPage(): JSX.Element {
  const filter = filterOf(path.value.split('?')[1] ?? '', views.value[0] ?? 'open');
  const search = useRef<HTMLInputElement>(null);
  const [help, setHelp] = useState(false);
  const now = useNow(15_000);
  const phone = useMedia('(max-width: 760px)');
  useTheme(isReader.value ? 'dark' : 'light');
  useTitle(t('list.title'));
  useEffect(() => void openList(filter), [addressOf(filter)]);
  useEffect(followNews, []);
  useEffect(() => onKeys(filter, search.current, () => setHelp(true)), [addressOf(filter)]);

  return (
    <div class="page worklist-page">
      <AppHeader here="worklist" onHelp={() => setHelp(true)} />
      <main>
        <Tabs views={views.value} view={filter.view} onView={(view) => show({ ...filter, view })} />
        <Filters filter={filter} search={search} onChange={show} />
        <NewsBar />
        <ListBody filter={filter} now={now} phone={phone} />
      </main>
      {help && <HelpDialog part="worklist" onClose={() => setHelp(false)} />}
    </div>
  );
}

function show(filter: RequestFilter): void {
  rewriteAddress(addressOf(filter));
}

/** One line of fixed height, so that news never pushes the rows. */
function NewsBar(): JSX.Element {
  const waiting = shown.value.waiting.length;
  const left = shown.value.gone.size;
  const trouble = problem.value && shown.value.rows.length > 0 ? troubleText(problem.value) : null;
  return (
    <div class="news-bar" aria-live="polite">
      {waiting > 0 && (
        <button type="button" class="news" data-testid="news" onClick={() => void reloadList()}>
          {t('list.news', { n: waiting })}
        </button>
      )}
      {waiting === 0 && left > 0 && (
        <button type="button" class="quiet" data-testid="refresh" onClick={() => void reloadList()}>
          {t('list.left', { n: left })}
        </button>
      )}
      {trouble && <span class="bad">{trouble}</span>}
      {eventLink.value === 'polling' && !trouble && <span class="dim">{t('list.polling')}</span>}
    </div>
  );
}

function ListBody({ filter, now, phone }: { filter: RequestFilter; now: number; phone: boolean }): JSX.Element | null {
  const rows = shown.value.rows;
  if (rows.length === 0) {
    if (problem.value) return <Failed error={problem.value} onRetry={() => void reloadList()} />;
    if (loading.value) return <Loading />;
    return <EmptyList filter={filter} />;
  }
  return (
    <>
      {phone ? <WorklistCards now={now} /> : <WorklistTable now={now} />}
      {rows.length < total.value && (
        <button type="button" class="more" data-testid="more" disabled={loading.value || rows.length >= 500} onClick={() => void showMore()}>
          {t(rows.length >= 500 ? 'list.too_many' : 'list.more', { shown: rows.length, total: total.value })}
        </button>
      )}
    </>
  );
}

function EmptyList({ filter }: { filter: RequestFilter }): JSX.Element {
  const filtered = Boolean(filter.text || filter.site || filter.modality || filter.priority);
  return filtered ? (
    <Empty title={t('list.empty_filtered')} hint={t('list.empty_filtered_hint')} />
  ) : (
    <Empty title={t(`list.empty.${filter.view}`)} hint={t('list.empty_hint')} />
  );
}

function onKeys(filter: RequestFilter, search: HTMLInputElement | null, help: () => void): () => void {
  const pressed = (event: KeyboardEvent): void => {
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const action = listAction(event);
    if (!action) return;
    const target = event.target as Element | null;
    if (action.do === 'open' && target?.closest('button,a')) return;
    event.preventDefault();
    const rows = shown.value.rows;
    const row = rows.find((one) => one.id === selectedId.value);
    switch (action.do) {
      case 'move':
        selectedId.value = moved(rows, selectedId.value, action.by);
        break;
      case 'first':
        selectedId.value = rows[0]?.id ?? null;
        break;
      case 'last':
        selectedId.value = rows.at(-1)?.id ?? null;
        break;
      case 'open':
        if (row) openRow(row);
        break;
      case 'claim':
        if (row) claimByKey(row);
        break;
      case 'refresh':
        void reloadList();
        break;
      case 'search':
        search?.focus();
        search?.select();
        break;
      case 'help':
        help();
        break;
      case 'tab': {
        const view: View | undefined = views.value[action.index];
        if (view) show({ ...filter, view });
      }
    }
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}

function claimByKey(row: Parameters<typeof claimRow>[0]): void {
  if (row.allowed_commands.includes('claim')) void claimRow(row);
  else notify(t('claim.not_now'));
}
