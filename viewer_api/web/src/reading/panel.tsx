import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { getDraft } from '../api/requests';
import { getReportVersion, pdfUrl } from '../api/reports';
import type { ReportContent } from '../api/types';
import { named, t } from '../i18n';
import { instant } from '../i18n/format';
import { stateLabel } from '../i18n/labels';
import { complete, isEmpty } from '../report/content';
import { Editor } from '../report/editor';
import { SaveState } from '../report/save-state';
import { TextView } from '../report/text-view';
import { openKeyImage } from '../viewer/key-image';
import { Banners } from './banners';
import type { Case } from './case';
import { CommandBar } from './command-bar';
import type { OpenDialog } from './dialogs';
import { InfoPanel } from './info-panel';
import { openNext } from './next-case';

interface PanelProps {
  file: Case;
  onDialog: (dialog: OpenDialog) => void;
  /** On a desk the request's facts and history follow the report in the same panel. */
  withInfo: boolean;
}

export function ReportPanel({ file, onDialog, withInfo }: PanelProps): JSX.Element {
  const request = file.request.value;
  const draft = file.draft.value;
  return (
    <div class="panel" data-testid="report-panel">
      <div class="panel-head">
        <span class={`state ${request.state.toLowerCase()}`} data-testid="request-state" data-state={request.state}>
          {stateLabel(request.state)}
        </span>
        {request.rework && <span class="flag amber">{t('flag.rework')}</span>}
        <span class="push">{draft && <SaveState draft={draft} />}</span>
      </div>
      <Banners file={file} onDialog={onDialog} />
      <div class="panel-body">
        {draft ? <Editor file={file} draft={draft} /> : <Reading file={file} />}
        {withInfo && <InfoPanel file={file} />}
      </div>
      <CommandBar file={file} onDialog={onDialog} />
    </div>
  );
}

/** The report for somebody who is not writing it now: the signed one, else the draft as far as it may be seen. */
function Reading({ file }: { file: Case }): JSX.Element {
  const request = file.request.value;
  if (request.report) return <SignedReport file={file} />;
  if (request.holder?.mine) return <p class="dim">{t('state.loading')}</p>;
  return <DraftSoFar file={file} />;
}

function SignedReport({ file }: { file: Case }): JSX.Element {
  const request = file.request.value;
  const report = request.report;
  const [content, setContent] = useState<ReportContent | null>(null);
  useEffect(() => {
    if (!report) return;
    getReportVersion(report.id, report.latest_version).then(
      (version) => setContent(complete(version.content)),
      () => setContent(null),
    );
  }, [report?.id, report?.latest_version]);
  if (!report) return <></>;
  const signer = request.report_versions.find((one) => one.n === report.latest_version);
  return (
    <section class="signed" data-testid="signed-report">
      {file.signed.value && (
        <div class="banner green" role="status" data-testid="signed-now">
          <span>{t('sign.done', { at: instant(report.signed_at), n: report.latest_version })}</span>
        </div>
      )}
      <p class="dim">
        {signer && `${t('report.signed_by', { name: named(signer.signer_name, signer.signer_name_zh) })} · `}
        {instant(report.signed_at)}
      </p>
      <div class="actions start">
        <a class="button" href={pdfUrl(report.id, report.latest_version)} target="_blank" rel="noopener" data-testid="open-pdf">
          {t('do.open_pdf')}
        </a>
        <button type="button" class="primary" data-testid="next-case" onClick={() => void openNext(file)}>
          {t('reading.next')}
        </button>
      </div>
      {content && <TextView content={content} place={file.place} onOpenImage={(image) => void openKeyImage(file.viewer, image)} />}
    </section>
  );
}

function DraftSoFar({ file }: { file: Case }): JSX.Element {
  const request = file.request.value;
  const [content, setContent] = useState<ReportContent | null>(null);
  useEffect(() => {
    if (!request.author) return;
    getDraft(request.id).then(
      (draft) => setContent(complete(draft.content)),
      () => setContent(null),
    );
  }, [request.id, request.version]);
  if (!content || isEmpty(content)) return <p class="dim">{t('report.none_yet')}</p>;
  return (
    <section data-testid="draft-so-far">
      <p class="dim">{t('report.draft_by', { name: named(request.author?.name, request.author?.name_zh) })}</p>
      <TextView content={content} place={file.place} onOpenImage={(image) => void openKeyImage(file.viewer, image)} />
    </section>
  );
}
