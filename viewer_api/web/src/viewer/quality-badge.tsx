import type { JSX } from 'preact';
import { t } from '../i18n';
import { isLossy } from './lossy';
import type { Viewer } from './viewer';

/** Which pixels are on the screen: said in colour and in words. */
export function QualityBadge({ viewer }: { viewer: Viewer }): JSX.Element | null {
  const shown = viewer.shown.value;
  if (!shown) return null;
  const storedLossy = isLossy(shown.frame);
  const full = shown.quality === 'full';
  const problem = viewer.full.problem.value;
  const title = full ? t(storedLossy ? 'quality.stored_lossy_title' : 'quality.full_title') : problem ? t(`quality.${problem}_title`) : t('quality.rendered_title');
  return (
    <span class={`quality ${full && !storedLossy ? 'full' : 'lossy'}`} data-testid="quality" data-quality={shown.quality} title={title}>
      {full ? t(storedLossy ? 'quality.stored_lossy' : 'quality.full') : t('quality.rendered')}
    </span>
  );
}
