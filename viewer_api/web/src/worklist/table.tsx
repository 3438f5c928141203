import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { RequestRow } from '../api/types';
import { t } from '../i18n';
import { modalities } from '../i18n/format';
import { isReader } from '../session/session';
import { DueCell, holderName, hospital, ImagesCell, PatientCell, PriorityCell, sexAge, StateCell, studyTime } from './cells';
import { claimRow, openRow } from './commands';
import { selectedId, shown } from './list';

export function WorklistTable({ now }: { now: number }): JSX.Element {
  return (
    <table class="worklist" data-testid="worklist">
      <thead>
        <tr>
          <th class="c-priority">{t('list.priority')}</th>
          <th class="c-due">{t('list.due')}</th>
          <th class="c-patient">{t('list.patient')}</th>
          <th class="c-sex">{t('list.sex_age')}</th>
          <th class="c-hospital">{t(isReader.value ? 'list.hospital' : 'clinical.reader')}</th>
          <th class="c-modality">{t('list.modality')}</th>
          <th class="c-description">{t('list.description')}</th>
          <th class="c-images">{t('list.images')}</th>
          <th class="c-time">{t('list.study_time')}</th>
          <th class="c-state">{t('list.state')}</th>
          <th class="c-holder">{t('list.holder')}</th>
          <th class="c-action">
            <span class="sr">{t('list.action')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.value.rows.map((row) => (
          <Row key={row.id} row={row} now={now} gone={shown.value.gone.has(row.id)} selected={row.id === selectedId.value} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row, now, gone, selected }: { row: RequestRow; now: number; gone: boolean; selected: boolean }): JSX.Element {
  const element = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (!selected) return;
    element.current?.scrollIntoView({ block: 'nearest' });
    if (document.activeElement?.closest('[data-testid=worklist]') || document.activeElement === document.body) element.current?.focus({ preventScroll: true });
  }, [selected]);
  return (
    <tr
      ref={element}
      class={`${gone ? 'gone' : ''} ${selected ? 'selected' : ''}`}
      tabIndex={selected ? 0 : -1}
      aria-selected={selected}
      data-testid="worklist-row"
      data-request-id={row.id}
      data-state={row.state}
      onFocus={() => (selectedId.value = row.id)}
      onClick={(event) => {
        if (!(event.target as Element).closest('a,button')) openRow(row);
      }}
    >
      <td class="c-priority">
        <PriorityCell row={row} />
      </td>
      <td class="c-due">
        <DueCell row={row} now={now} />
      </td>
      <td class="c-patient">
        <PatientCell row={row} />
      </td>
      <td class="c-sex">{sexAge(row)}</td>
      <td class="c-hospital" title={hospital(row)}>
        {hospital(row)}
      </td>
      <td class="c-modality">{modalities(row.study.modalities)}</td>
      <td class="c-description" title={row.study.description ?? ''}>
        {row.study.description}
      </td>
      <td class="c-images">
        <ImagesCell row={row} />
      </td>
      <td class="c-time">{studyTime(row)}</td>
      <td class="c-state">
        <StateCell row={row} />
      </td>
      <td class="c-holder">{holderName(row)}</td>
      <td class="c-action">
        {row.allowed_commands.includes('claim') && !gone && (
          <button type="button" class="row-action" data-testid="row-claim" tabIndex={-1} onClick={() => void claimRow(row)}>
            {t(row.stage === 'REVIEW' ? 'claim.review' : 'claim.read')}
          </button>
        )}
      </td>
    </tr>
  );
}
