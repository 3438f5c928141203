import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RequestDetail } from '../api/types';
import { t } from '../i18n';
import { personName } from '../i18n/format';
import { ConflictDialog } from '../report/conflict-dialog';
import { LostDialog } from '../report/lost-dialog';
import { RecoverDialog } from '../report/recover-dialog';
import { UserMenu } from '../session/user-menu';
import '../styles/reading.css';
import { HelpDialog } from '../ui/help-dialog';
import { Icon } from '../ui/icons';
import { useMedia, useTheme, useTitle } from '../ui/use';
import { followKeys } from '../viewer/keyboard';
import { SeriesStrip } from '../viewer/series-strip';
import { exposeViewer } from '../viewer/test-window';
import { Toolbar } from '../viewer/toolbar';
import { Viewport } from '../viewer/viewport';
import { Case } from './case';
import { CaseDialogs, type OpenDialog } from './dialogs';
import { IdentityStrip } from './identity-strip';
import { followWritingKeys } from './keys';
import { ReportPanel } from './panel';
import { InfoPanel } from './info-panel';
import { PanelSplitter, panelIsOpen, panelWidth, togglePanel } from './splitter';

type Part = 'images' | 'report' | 'info';

export default function ReadingPage({ request }: { request: RequestDetail }): JSX.Element {
  const file = useMemo(() => new Case(request), [request.id]);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const [part, setPart] = useState<Part>('images');
  const phone = useMedia('(max-width: 760px)');
  useTheme('dark');
  useTitle(personName(request.patient.name));
  useEffect(() => file.start(), [file]);
  useEffect(() => exposeViewer(file.viewer), [file]);
  useEffect(
    () =>
      followKeys(file.viewer, {
        keyImage: () => file.addKeyImage(),
        help: () => setDialog('help'),
        escape: () => undefined,
      }),
    [file],
  );
  useEffect(() => followWritingKeys(file, setDialog), [file]);

  return (
    <div class={`reading-page ${phone ? `phone part-${part}` : ''} ${panelIsOpen.value ? '' : 'panel-closed'}`} style={{ '--panel-width': `${panelWidth.value}px` }}>
      <header class="reading-head">
        <a class="button quiet icon-button" href="/worklist" data-testid="back" aria-label={t('nav.worklist')} title={t('nav.worklist')}>
          <Icon name="back" />
        </a>
        <IdentityStrip request={file.request.value} />
        {!phone && (
          <button type="button" class="quiet icon-button" data-testid="toggle-panel" aria-pressed={panelIsOpen.value} aria-label={t('reading.panel')} title={t('reading.panel')} onClick={togglePanel}>
            <Icon name="panel" />
          </button>
        )}
        <UserMenu />
      </header>
      <div class="reading-strip">
        <SeriesStrip viewer={file.viewer} />
      </div>
      <main class="reading-images">
        <Toolbar viewer={file.viewer} onKeyImage={file.draft.value ? () => file.addKeyImage() : undefined} onHelp={() => setDialog('help')} />
        <Viewport viewer={file.viewer} />
      </main>
      {!phone && panelIsOpen.value && <PanelSplitter />}
      <aside class="reading-report" aria-label={t('reading.report')} hidden={phone ? part !== 'report' : !panelIsOpen.value}>
        <ReportPanel file={file} onDialog={setDialog} withInfo={!phone} />
      </aside>
      {phone && (
        <aside class="reading-info" aria-label={t('reading.info')} hidden={part !== 'info'}>
          <InfoPanel file={file} />
        </aside>
      )}
      {phone && <PhoneTabs part={part} onPart={setPart} />}
      <CaseDialogs file={file} open={dialog} onClose={() => setDialog(null)} />
      {dialog === 'help' && <HelpDialog part="viewer" onClose={() => setDialog(null)} />}
      {file.draft.value && <ConflictDialog draft={file.draft.value} />}
      <RecoverDialog file={file} />
      <LostDialog file={file} />
    </div>
  );
}

function PhoneTabs({ part, onPart }: { part: Part; onPart: (part: Part) => void }): JSX.Element {
  const parts: Part[] = ['images', 'report', 'info'];
  return (
    <nav class="phone-tabs" aria-label={t('reading.parts')}>
      {parts.map((one) => (
        <button key={one} type="button" data-testid={`part-${one}`} aria-current={one === part ? 'page' : undefined} onClick={() => onPart(one)}>
          {t(`reading.${one}`)}
        </button>
      ))}
    </nav>
  );
}
