import type { JSX } from 'preact';
import type { RequestRow } from '../api/types';
import { named, t } from '../i18n';
import { countdown, dicomAge, dicomDate, dicomTime, instant, number, personName, personNames } from '../i18n/format';
import { priorityLabel, sexLabel, stateLabel } from '../i18n/labels';
import { isReader } from '../session/session';
import { Icon } from '../ui/icons';
import { ImageCount } from '../ui/image-count';

export function PriorityCell({ row }: { row: RequestRow }): JSX.Element {
  return <span class={`priority ${row.priority.toLowerCase()}`}>{priorityLabel(row.priority)}</span>;
}

const OPEN = new Set(['WAITING_IMAGES', 'QUEUED', 'READING', 'AWAITING_REVIEW', 'REVIEWING']);

export function DueCell({ row, now }: { row: RequestRow; now: number }): JSX.Element {
  const left = OPEN.has(row.state) ? countdown(row.due_at, row.submitted_at, now) : null;
  if (!left) return <span class="dim">–</span>;
  const tone = left.overdue ? 'overdue' : left.close ? 'close' : 'fine';
  return (
    <span class={`due ${tone}`} title={t('list.due_title', { at: instant(row.due_at) })}>
      {left.overdue && <Icon name="warning" size={13} />}
      {left.text}
      {left.overdue && <span class="sr"> {t('list.overdue')}</span>}
    </span>
  );
}

export function PatientCell({ row }: { row: RequestRow }): JSX.Element {
  const [, second] = personNames(row.patient.name);
  return (
    <a class="patient" href={`/requests/${row.id}`} tabIndex={-1} data-testid="open">
      <span class="name">{personName(row.patient.name)}</span>
      {second && <span class="second-name">{second}</span>}
    </a>
  );
}

export function sexAge(row: RequestRow): string {
  return [sexLabel(row.patient.sex), dicomAge(row.patient.age)].filter(Boolean).join(' ');
}

/** The other hospital: who asked, for those who read; who reads, for those who asked. */
export function hospital(row: RequestRow): string {
  const other = isReader.value ? row.requester : row.reader;
  return named(other.name, other.name_zh);
}

export function studyTime(row: RequestRow): string {
  return `${dicomDate(row.study.study_date)} ${dicomTime(row.study.study_time)}`.trim();
}

export function ImagesCell({ row }: { row: RequestRow }): JSX.Element {
  return (
    <span class="images">
      <ImageCount count={row.study.completeness} />
      {row.new_images > 0 && (
        <span class="flag amber" title={t('list.new_images', { n: row.new_images })}>
          +{number(row.new_images)}
        </span>
      )}
    </span>
  );
}

export function StateCell({ row }: { row: RequestRow }): JSX.Element {
  return (
    <span class="state-cell">
      <span class={`state ${row.state.toLowerCase()}`} data-testid="row-state">
        {stateLabel(row.state)}
      </span>
      {row.rework && <span class="flag amber">{t('flag.rework')}</span>}
      {row.cancel_requested && <span class="flag red">{t('flag.cancel_requested')}</span>}
      {row.kind === 'ADDENDUM' && <span class="flag">{t('flag.addendum')}</span>}
    </span>
  );
}

export function holderName(row: RequestRow): string {
  if (row.holder) return row.holder.mine ? t('list.me') : named(row.holder.name, row.holder.name_zh);
  const person = row.assigned_to ?? (row.state === 'REPORTED' ? (row.reviewer ?? row.author) : null);
  return person ? named(person.name, person.name_zh) : '';
}
