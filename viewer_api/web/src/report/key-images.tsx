import type { JSX } from 'preact';
import type { KeyImage } from '../api/types';
import { t } from '../i18n';
import { Icon } from '../ui/icons';
import { instanceUrl, type StudyPlace } from '../viewer/dicomweb';

interface KeyImagesProps {
  place: StudyPlace;
  images: KeyImage[];
  onOpen: (image: KeyImage) => void;
  /** Absent where the report can only be read. */
  onChange?: (images: KeyImage[]) => void;
}

/** Pictures chosen for the report; each jumps back to where it was taken. */
export function KeyImages({ place, images, onOpen, onChange }: KeyImagesProps): JSX.Element | null {
  if (images.length === 0) return onChange ? <p class="dim small">{t('key.none')}</p> : null;
  return (
    <ul class="key-images" data-testid="key-images">
      {images.map((image, at) => (
        <li key={`${image.sop_instance_uid}/${image.frame_number}/${at}`} class="key-image" data-testid="key-image">
          <button type="button" class="key-thumb" data-testid="key-image-open" title={t('key.open')} onClick={() => onOpen(image)}>
            <img src={pictureUrl(place, image)} alt={t('key.picture', { n: at + 1 })} width="72" height="72" loading="lazy" />
          </button>
          {onChange ? (
            <input
              class="key-caption"
              data-testid="key-image-caption"
              aria-label={t('key.caption')}
              placeholder={t('key.caption')}
              value={image.caption}
              onInput={(event) => onChange(images.map((one, index) => (index === at ? { ...one, caption: event.currentTarget.value } : one)))}
            />
          ) : (
            <span class="key-caption">{image.caption}</span>
          )}
          {onChange && (
            <button type="button" class="quiet icon-button" data-testid="key-image-remove" aria-label={t('key.remove')} onClick={() => onChange(images.filter((_, index) => index !== at))}>
              <Icon name="close" size={14} />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function pictureUrl(place: StudyPlace, image: KeyImage): string {
  const base = `${instanceUrl(place, image)}/frames/${image.frame_number}`;
  return image.window ? `${base}/rendered?viewport=144,144&window=${image.window[0]},${image.window[1]},linear` : `${base}/thumbnail?viewport=144,144`;
}
