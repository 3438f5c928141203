import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { troubleText } from '../ui/trouble';
import { DocumentCard } from './document-card';
import { followGestures } from './gestures';
import { Overlay } from './overlay';
import { QualityBadge } from './quality-badge';
import { Scrollbar } from './scrollbar';
import type { Viewer } from './viewer';

/** Where pixels are: the framework only places this box, the viewer draws into it. */
export function Viewport({ viewer }: { viewer: Viewer }): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const pixels = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current || !pixels.current) return;
    const detach = viewer.attach(pixels.current);
    const letGo = followGestures(host.current, viewer);
    return () => {
      letGo();
      detach();
    };
  }, [viewer]);
  const document = viewer.document;
  return (
    <div ref={host} class={`viewport tool-${viewer.tool.value}`} data-testid="viewport" tabIndex={0} role="application" aria-label={t('viewer.images')}>
      <div ref={pixels} class="pixels" style={{ visibility: document ? 'hidden' : 'visible' }} />
      {document ? (
        <DocumentCard place={viewer.place} document={document} />
      ) : (
        <>
          <Overlay viewer={viewer} />
          <QualityBadge viewer={viewer} />
          <Scrollbar viewer={viewer} />
        </>
      )}
      <Trouble viewer={viewer} />
    </div>
  );
}

function Trouble({ viewer }: { viewer: Viewer }): JSX.Element | null {
  if (viewer.document) return null;
  const text = viewer.problem.value ? troubleText(viewer.problem.value) : null;
  if (text) {
    return (
      <p class="viewport-message bad" role="alert" data-testid="viewport-problem">
        {t('viewer.cannot_show', { why: text })}
      </p>
    );
  }
  if (viewer.shown.value) return null;
  const word = viewer.item.value ? 'viewer.loading' : viewer.opened.value ? 'viewer.no_images' : 'viewer.loading_series';
  return <p class="viewport-message">{t(word)}</p>;
}
