import type { JSX } from 'preact';
import { t } from '../i18n';
import { dicomDate, modalities, personName } from '../i18n/format';
import { DueCell, holderName, hospital, ImagesCell, PriorityCell, sexAge, StateCell } from './cells';
import { shown } from './list';

/** The worklist on a phone: one card a request, the whole card opens it. */
export function WorklistCards({ now }: { now: number }): JSX.Element {
  return (
    <ul class="cards" data-testid="worklist">
      {shown.value.rows.map((row) => (
        <li key={row.id}>
          <a
            class={`card ${shown.value.gone.has(row.id) ? 'gone' : ''}`}
            href={`/requests/${row.id}`}
            data-testid="worklist-row"
            data-request-id={row.id}
            data-state={row.state}
          >
            <span class="card-line">
              <span class="name">{personName(row.patient.name)}</span>
              <span class="dim">{sexAge(row)}</span>
              <span class="push">
                <PriorityCell row={row} />
              </span>
            </span>
            <span class="card-line">
              <span>{modalities(row.study.modalities)}</span>
              <span class="clip">{row.study.description}</span>
              <span class="push">
                <DueCell row={row} now={now} />
              </span>
            </span>
            <span class="card-line dim">
              <span class="clip">{hospital(row)}</span>
              <span class="push">
                {dicomDate(row.study.study_date)} · <ImagesCell row={row} /> {t('list.images_unit')}
              </span>
            </span>
            <span class="card-line">
              <StateCell row={row} />
              <span class="push dim">{holderName(row)}</span>
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}
