import type { JSX } from 'preact';
import { t } from '../i18n';
import { useMedia } from '../ui/use';
import { instanceUrl, type StudyPlace } from './dicomweb';
import type { Document } from './stack';

/** What is no picture: PDFs and structured reports are shown as documents, everything else says what it is and can be taken away. */
export function DocumentCard({ place, document }: { place: StudyPlace; document: Document }): JSX.Element {
  const phone = useMedia('(max-width: 760px)');
  const url = instanceUrl(place, document.instance);
  const title = document.description || t(`document.${document.kind}`);
  if (document.kind === 'sr' || (document.kind === 'pdf' && !phone)) {
    const type = document.kind === 'pdf' ? 'application/pdf' : 'text/html';
    return <iframe class="document-frame" data-no-gesture data-testid={`document-${document.kind}`} title={title} src={`${url}/rendered?accept=${type}`} />;
  }
  return (
    <div class="document-card" data-no-gesture data-testid="document-card">
      <h3>{title}</h3>
      <p>{t(`document.${document.kind}`)}</p>
      <p class="dim">{t(`document.${document.kind}_hint`)}</p>
      <div class="actions">
        {document.kind === 'pdf' && (
          <a class="button primary" href={`${url}/rendered?accept=application/pdf`} target="_blank" rel="noopener" data-testid="document-open">
            {t('do.open_pdf')}
          </a>
        )}
        <a class="button" href={`${url}?accept=application/dicom`} download={`${document.instance.sop_instance_uid}.dcm`} data-testid="document-download">
          {t('do.download_dicom')}
        </a>
      </div>
    </div>
  );
}
