import type { JSX } from 'preact';
import type { KeyImage, ReportContent } from '../api/types';
import { t } from '../i18n';
import { positivityLabel } from '../i18n/labels';
import type { StudyPlace } from '../viewer/dicomweb';
import { TEXT_FIELDS } from './content';
import { KeyImages } from './key-images';

interface TextViewProps {
  content: ReportContent;
  place: StudyPlace;
  onOpenImage?: ((image: KeyImage) => void) | undefined;
}

/** A report to read; empty fields are left out. */
export function TextView({ content, place, onOpenImage }: TextViewProps): JSX.Element {
  return (
    <div class="report-text" data-testid="report-text">
      {TEXT_FIELDS.filter((field) => content[field].trim()).map((field) => (
        <section key={field} data-testid={`text-${field}`}>
          <h4>{t(`field.${field}`)}</h4>
          <p>{content[field]}</p>
        </section>
      ))}
      {content.positivity && (
        <section>
          <h4>{t('field.positivity')}</h4>
          <p>{positivityLabel(content.positivity)}</p>
        </section>
      )}
      {content.key_images.length > 0 && (
        <section>
          <h4>{t('field.key_images')}</h4>
          <KeyImages place={place} images={content.key_images} onOpen={(image) => onOpenImage?.(image)} />
        </section>
      )}
    </div>
  );
}
