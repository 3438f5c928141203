import type { JSX } from 'preact';
import { t } from '../i18n';
import { ClinicalView } from '../report/clinical-view';
import { Deliveries, Timeline, Versions } from '../report/history';
import { CountEvidence } from '../ui/image-count';
import type { Case } from './case';

/** The request beside the report: what was asked, versions, deliveries, what happened. */
export function InfoPanel({ file }: { file: Case }): JSX.Element {
  const request = file.request.value;
  return (
    <div class="info" data-testid="info-panel">
      <details open>
        <summary>{t('info.request')}</summary>
        <ClinicalView request={request} />
        <CountEvidence count={request.study.completeness} />
      </details>
      {request.report_versions.length > 0 && (
        <details open>
          <summary>{t('info.versions')}</summary>
          <Versions request={request} />
        </details>
      )}
      {request.deliveries.length > 0 && (
        <details open>
          <summary>{t('info.deliveries')}</summary>
          <Deliveries request={request} />
        </details>
      )}
      <details open>
        <summary>{t('info.timeline')}</summary>
        <Timeline request={request} />
      </details>
    </div>
  );
}
