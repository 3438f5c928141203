import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { listenForNews } from '../api/events';
import { listConflicts, listStudies } from '../api/studies';
import type { ConflictItem, StudyItem } from '../api/types';
import { t } from '../i18n';
import { dicomDate, fullInstant, instant, modalities, number, personName } from '../i18n/format';
import { conflictLabel, stateLabel } from '../i18n/labels';
import { declaresFor } from '../session/session';
import { AppHeader } from '../ui/app-header';
import { Icon } from '../ui/icons';
import { countWords, ImageCount } from '../ui/image-count';
import { Empty, Failed, Loading } from '../ui/page-state';
import { useTheme, useTitle } from '../ui/use';
import { studyAddress } from './address';
import { DeclareDialog } from './declare-dialog';
import { NewRequestDialog } from './new-request-dialog';

const PAGE = 100;
const GATHER_NEWS_MS = 500;

interface Found {
  items: StudyItem[];
  total: number;
  conflicts: ConflictItem[];
}

/** What the hospital's machines have sent, as it comes in. */
export function StudiesPage(): JSX.Element {
  const [text, setText] = useState('');
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [limit, setLimit] = useState(PAGE);
  const [asked, setAsked] = useState(0);
  const [creating, setCreating] = useState<StudyItem | null>(null);
  const [declaring, setDeclaring] = useState<StudyItem | null>(null);
  useTheme('light');
  useTitle(t('nav.studies'));
  useEffect(() => {
    const call = new AbortController();
    const timer = window.setTimeout(() => {
      Promise.all([listStudies({ text, limit }, call.signal), listConflicts(undefined, call.signal)]).then(
        ([studies, conflicts]) => {
          setFound({ ...studies, conflicts });
          setProblem(null);
        },
        (error: unknown) => !call.signal.aborted && setProblem(error),
      );
    }, text ? 250 : 0);
    return () => {
      window.clearTimeout(timer);
      call.abort();
    };
  }, [text, limit, asked]);
  useEffect(() => followStudies(() => setAsked((one) => one + 1)), []);

  return (
    <div class="page studies-page">
      <AppHeader here="studies" />
      <main>
        <div class="filters" role="search">
          <label class="search-box">
            <Icon name="search" size={16} />
            <span class="sr">{t('list.search')}</span>
            <input type="search" data-testid="search" placeholder={t('list.search')} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          {found && <span class="dim">{t('studies.total', { n: number(found.total) })}</span>}
        </div>
        {problem && !found ? <Failed error={problem} onRetry={() => setAsked(asked + 1)} /> : null}
        {!found && !problem && <Loading />}
        {found && found.conflicts.length > 0 && <Conflicts conflicts={found.conflicts} />}
        {found && found.items.length === 0 && <Empty title={t('studies.empty')} hint={t(text ? 'list.empty_filtered_hint' : 'studies.empty_hint')} />}
        {found && found.items.length > 0 && <Studies items={found.items} onCreate={setCreating} onDeclare={setDeclaring} />}
        {found && found.items.length < found.total && (
          <button type="button" class="more" data-testid="more" disabled={limit >= 500} onClick={() => setLimit(Math.min(500, limit + PAGE))}>
            {t(limit >= 500 ? 'list.too_many' : 'list.more', { shown: found.items.length, total: found.total })}
          </button>
        )}
      </main>
      {creating && <NewRequestDialog study={creating} onClose={() => setCreating(null)} />}
      {declaring && (
        <DeclareDialog
          study={declaring}
          onClose={() => {
            setDeclaring(null);
            setAsked(asked + 1);
          }}
        />
      )}
    </div>
  );
}

function followStudies(reload: () => void): () => void {
  let timer = 0;
  const stop = listenForNews(() => {
    window.clearTimeout(timer);
    timer = window.setTimeout(reload, GATHER_NEWS_MS);
  });
  return () => {
    stop();
    window.clearTimeout(timer);
  };
}

function Studies({ items, onCreate, onDeclare }: { items: StudyItem[]; onCreate: (study: StudyItem) => void; onDeclare: (study: StudyItem) => void }): JSX.Element {
  return (
    <table class="studies" data-testid="studies">
      <thead>
        <tr>
          <th>{t('list.patient')}</th>
          <th>{t('patient.id')}</th>
          <th>{t('list.modality')}</th>
          <th>{t('list.description')}</th>
          <th>{t('studies.date')}</th>
          <th>{t('list.images')}</th>
          <th>{t('studies.received')}</th>
          <th>{t('studies.arrival')}</th>
          <th>{t('studies.request')}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={`${one.site}/${one.study_instance_uid}`} data-testid="study-row" data-study-uid={one.study_instance_uid}>
            <td data-label={t('list.patient')}>
              <a href={studyAddress(one)} data-testid="open-study">
                {personName(one.patient.name)}
              </a>
            </td>
            <td data-label={t('patient.id')}>{one.patient.patient_id}</td>
            <td data-label={t('list.modality')}>{modalities(one.modalities)}</td>
            <td data-label={t('list.description')}>{one.description}</td>
            <td data-label={t('studies.date')}>{dicomDate(one.study_date)}</td>
            <td data-label={t('list.images')}>
              <span>
                <ImageCount count={one.completeness} />{' '}
                {declaresFor(one.site) && (
                  <button type="button" class="quiet declare" data-testid="declare" title={t('declare.title')} onClick={() => onDeclare(one)}>
                    {t('declare.give')}
                  </button>
                )}
              </span>
            </td>
            <td data-label={t('studies.received')} title={fullInstant(one.received_at)}>
              {instant(one.received_at)}
            </td>
            <td data-label={t('studies.arrival')}>
              <span>
                <span class={`arrival ${one.completeness.state.toLowerCase()}`} title={t('studies.series', { n: one.series_count })}>
                  {countWords(one.completeness)}
                </span>
                {one.conflict_count > 0 && <span class="flag red">{t('studies.conflicts', { n: one.conflict_count })}</span>}
              </span>
            </td>
            <td data-label={t('studies.request')}>
              {one.request ? (
                <a href={`/requests/${one.request.id}`} data-testid="study-request">
                  {stateLabel(one.request.state)}
                </a>
              ) : (
                <button type="button" data-testid="create-request" onClick={() => onCreate(one)}>
                  {t('studies.create')}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Conflicts({ conflicts }: { conflicts: ConflictItem[] }): JSX.Element {
  return (
    <details class="conflicts" data-testid="conflicts">
      <summary>{t('studies.conflicts_kept', { n: conflicts.length })}</summary>
      <p class="dim">{t('studies.conflicts_mean')}</p>
      <ul>
        {conflicts.map((one) => (
          <li key={one.id}>
            <span>{conflictLabel(one.kind)}</span>
            <span class="dim">
              {instant(one.received_at)} {one.sender}
            </span>
            <code>{one.sop_instance_uid ?? one.study_instance_uid}</code>
            {typeof one.detail === 'string' && <p class="reason">{one.detail}</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}
