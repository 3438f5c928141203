import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { listenForNews } from '../api/events';
import { getStudy } from '../api/studies';
import type { Completeness } from '../api/types';
import { t } from '../i18n';
import { dicomAge, dicomDate, modalities, personNames } from '../i18n/format';
import { sexLabel } from '../i18n/labels';
import { UserMenu } from '../session/user-menu';
import '../styles/reading.css';
import { HelpDialog } from '../ui/help-dialog';
import { Icon } from '../ui/icons';
import { ImageCountLine } from '../ui/image-count';
import { useTheme, useTitle } from '../ui/use';
import { type DataSet, name, text, texts } from '../viewer/dicom-json';
import { studyDataSet } from '../viewer/dicomweb';
import { openKeyImage } from '../viewer/key-image';
import { followKeys } from '../viewer/keyboard';
import { SeriesStrip } from '../viewer/series-strip';
import { exposeViewer } from '../viewer/test-window';
import { Toolbar } from '../viewer/toolbar';
import { Viewer } from '../viewer/viewer';
import { Viewport } from '../viewer/viewport';
import { imageOf } from './address';

/** Images alone, for whoever may see them without a request to read. */
export default function StudyPage({ site, study_instance_uid }: { site: string; study_instance_uid: string }): JSX.Element {
  const viewer = useMemo(() => new Viewer({ site, study_instance_uid }), [site, study_instance_uid]);
  const [study, setStudy] = useState<DataSet | null>(null);
  const [count, setCount] = useState<Completeness | null>(null);
  const [help, setHelp] = useState(false);
  useTheme('dark');
  useTitle(study ? (personNames(name(study, '00100010'))[0] ?? '') : '');
  useEffect(() => {
    const image = imageOf(location.search);
    void viewer.open().then(() => image && openKeyImage(viewer, image).catch(() => undefined));
    studyDataSet(viewer.place).then(
      (found) => setStudy(found ?? {}),
      (error: unknown) => (viewer.problem.value = error),
    );
  }, [viewer]);
  useEffect(() => followCount(site, study_instance_uid, setCount), [site, study_instance_uid]);
  useEffect(() => exposeViewer(viewer), [viewer]);
  useEffect(() => followKeys(viewer, { keyImage: () => undefined, help: () => setHelp(true), escape: () => undefined }), [viewer]);
  return (
    <div class="reading-page panel-closed view-only">
      <header class="reading-head">
        <button type="button" class="quiet icon-button" data-testid="back" aria-label={t('do.back')} title={t('do.back')} onClick={() => history.back()}>
          <Icon name="back" />
        </button>
        <StudyIdentity study={study} />
        {count && <ImageCountLine count={count} />}
        <UserMenu />
      </header>
      <div class="reading-strip">
        <SeriesStrip viewer={viewer} />
      </div>
      <main class="reading-images">
        <Toolbar viewer={viewer} onHelp={() => setHelp(true)} />
        <Viewport viewer={viewer} />
      </main>
      {help && <HelpDialog part="viewer" onClose={() => setHelp(false)} />}
    </div>
  );
}

function followCount(site: string, study_instance_uid: string, take: (count: Completeness) => void): () => void {
  const ask = (): void => void getStudy({ site, study_instance_uid }).then((study) => take(study.completeness), () => undefined);
  ask();
  return listenForNews((news) => {
    if (news.kind === 'poll' || (news.kind === 'study' && news.data.study_instance_uid === study_instance_uid)) ask();
  });
}

function StudyIdentity({ study }: { study: DataSet | null }): JSX.Element {
  if (!study) return <div class="identity" />;
  const [first, ...rest] = personNames(name(study, '00100010'));
  return (
    <div class="identity" data-testid="identity">
      <strong class="identity-name">{first}</strong>
      {rest.map((one) => (
        <span key={one} class="identity-script">
          {one}
        </span>
      ))}
      <span>{[sexLabel(text(study, '00100040')), dicomAge(text(study, '00101010'))].filter(Boolean).join(' ')}</span>
      <span>
        <span class="dim">ID </span>
        {text(study, '00100020')}
      </span>
      <span>
        {modalities(texts(study, '00080061'))} {dicomDate(text(study, '00080020'))}
      </span>
    </div>
  );
}
