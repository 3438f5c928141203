import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { listenForNews } from '../api/events';
import { getReportVersion, pdfUrl } from '../api/reports';
import { getRequest, giveCommand } from '../api/requests';
import type { Command, ReportContent, RequestDetail } from '../api/types';
import { named, t } from '../i18n';
import { instant, personName } from '../i18n/format';
import { priorityLabel, stateLabel } from '../i18n/labels';
import { IdentityStrip } from '../reading/identity-strip';
import { ClinicalView } from '../report/clinical-view';
import { complete } from '../report/content';
import { Deliveries, Timeline, Versions } from '../report/history';
import { ReasonDialog, type ReasonedCommand } from '../report/reason-dialog';
import { ReasonWords } from '../report/reason-words';
import { TextView } from '../report/text-view';
import { navigate } from '../router';
import { imageAddress, studyAddress } from '../studies/address';
import { AppHeader } from '../ui/app-header';
import { CountEvidence } from '../ui/image-count';
import { notify } from '../ui/notice';
import { useMedia, useTheme, useTitle } from '../ui/use';
import { troubleText } from '../ui/trouble';
import { Progress } from './progress';

/** What a referring doctor or technician sees: how far it is, the report when it is there, and where it went. */
export function RequesterPage({ first }: { first: RequestDetail }): JSX.Element {
  const [request, setRequest] = useState(first);
  useTheme('light');
  useTitle(personName(request.patient.name));
  useEffect(() => follow(first.id, setRequest), [first.id]);
  return (
    <div class="page requester-page">
      <AppHeader here="other" />
      <main>
        <section class="sheet request-head">
          <IdentityStrip request={request} />
          <div class="request-line">
            <span class={`state ${request.state.toLowerCase()}`} data-testid="request-state" data-state={request.state}>
              {stateLabel(request.state)}
            </span>
            <span class={`priority ${request.priority.toLowerCase()}`}>{priorityLabel(request.priority)}</span>
            {request.holder && <span class="dim">{t('requester.reading_by', { name: named(request.holder.name, request.holder.name_zh) })}</span>}
            {request.due_at && request.state !== 'REPORTED' && request.state !== 'CANCELLED' && <span class="dim">{t('clinical.due', { at: instant(request.due_at) })}</span>}
            <span class="push" />
            <a class="button" href={studyAddress(request.study)} data-testid="view-images">
              {t('requester.view_images')}
            </a>
            <Commands request={request} onRequest={setRequest} />
          </div>
          <Progress request={request} />
          <SentBack request={request} />
        </section>
        <div class="request-columns">
          <Report request={request} />
          <aside>
            <Sheet title={t('info.deliveries')} show={request.deliveries.length > 0}>
              <Deliveries request={request} />
            </Sheet>
            <Sheet title={t('info.versions')} show={request.report_versions.length > 0}>
              <Versions request={request} />
            </Sheet>
            <Sheet title={t('info.request')} show>
              <>
                <ClinicalView request={request} />
                <CountEvidence count={request.study.completeness} />
              </>
            </Sheet>
            <Sheet title={t('info.timeline')} show>
              <Timeline request={request} />
            </Sheet>
          </aside>
        </div>
      </main>
    </div>
  );
}

function follow(id: number, take: (request: RequestDetail) => void): () => void {
  return listenForNews((news) => {
    if (news.kind === 'study' || (news.kind === 'request' && news.data.request_id !== id)) return;
    getRequest(id).then(take, () => undefined);
  });
}

function Sheet({ title, show, children }: { title: string; show: boolean; children: JSX.Element }): JSX.Element | null {
  if (!show) return null;
  return (
    <section class="sheet">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Report({ request }: { request: RequestDetail }): JSX.Element {
  const report = request.report;
  const phone = useMedia('(max-width: 760px)');
  const [content, setContent] = useState<ReportContent | null>(null);
  useEffect(() => {
    if (!report) return;
    getReportVersion(report.id, report.latest_version).then(
      (version) => setContent(complete(version.content)),
      () => setContent(null),
    );
  }, [report?.id, report?.latest_version]);
  if (!report) {
    return (
      <section class="sheet waiting" data-testid="report-waiting">
        <h3>{t('reading.report')}</h3>
        <p>{t(`requester.waiting.${request.state}`)}</p>
      </section>
    );
  }
  const url = pdfUrl(report.id, report.latest_version);
  const place = { site: request.study.site, study_instance_uid: request.study.study_instance_uid };
  return (
    <section class="sheet report-sheet">
      <div class="sheet-head">
        <h3>{t('reading.report')}</h3>
        <span class="push" />
        <a class="button primary" href={url} target="_blank" rel="noopener" data-testid="open-pdf">
          {t('do.open_pdf')}
        </a>
      </div>
      {content && <TextView content={content} place={place} onOpenImage={(image) => navigate(imageAddress(place, image))} />}
      {!phone && <iframe class="report-pdf" title={t('reading.report')} src={`${url}#navpanes=0&view=FitH`} data-testid="report-pdf" />}
    </section>
  );
}

function SentBack({ request }: { request: RequestDetail }): JSX.Element | null {
  if (request.state !== 'RETURNED' && request.state !== 'CANCELLED') return null;
  const event = [...request.events].reverse().find((one) => one.to_state === request.state);
  if (!event) return null;
  return (
    <p class="banner amber" data-testid="sent-back">
      {t(request.state === 'RETURNED' ? 'sent_back.returned' : 'sent_back.cancelled', { name: named(event.actor_name, event.actor_name_zh) })} <ReasonWords event={event} />
    </p>
  );
}

const WITH_REASON: ReasonedCommand[] = ['cancel', 'request-cancel'];

function Commands({ request, onRequest }: { request: RequestDetail; onRequest: (request: RequestDetail) => void }): JSX.Element {
  const [asking, setAsking] = useState<ReasonedCommand | null>(null);
  const [busy, setBusy] = useState(false);
  const give = async (command: Command, body = {}): Promise<void> => onRequest((await giveCommand(request.id, command, body)).request);
  return (
    <>
      {WITH_REASON.filter((one) => request.allowed_commands.includes(one)).map((one) => (
        <button key={one} type="button" data-testid={`command-${one}`} onClick={() => setAsking(one)}>
          {t(`command.${one}`)}
        </button>
      ))}
      {request.allowed_commands.includes('submit') && (
        <button
          type="button"
          class="primary"
          data-testid="command-submit"
          disabled={busy}
          onClick={() => {
            setBusy(true);
            give('submit')
              .catch((error: unknown) => notify(troubleText(error) ?? '', 'bad'))
              .finally(() => setBusy(false));
          }}
        >
          {t(request.state === 'RETURNED' ? 'command.resubmit' : 'command.submit')}
        </button>
      )}
      {asking && (
        <ReasonDialog
          command={asking}
          onClose={() => setAsking(null)}
          onGive={async (reason) => {
            await give(asking, reason);
            setAsking(null);
          }}
        />
      )}
    </>
  );
}
