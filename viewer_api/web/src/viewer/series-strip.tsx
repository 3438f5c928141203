import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { number } from '../i18n/format';
import { Icon } from '../ui/icons';
import { seriesUrl, thumbnailUrl } from './dicomweb';
import type { Item } from './stack';
import type { SeriesEntry } from './study-series';
import type { Viewer } from './viewer';

/** The study's series down the left side; a multi-frame object is an entry of its own. */
export function SeriesStrip({ viewer }: { viewer: Viewer }): JSX.Element {
  return (
    <nav class="series-strip" aria-label={t('viewer.series')} data-testid="series-strip">
      {viewer.series.entries.value.map((entry) =>
        entry.items ? entry.items.map((item) => <ItemTile key={item.id} viewer={viewer} item={item} />) : <EntryTile key={entry.series_instance_uid} viewer={viewer} entry={entry} />,
      )}
    </nav>
  );
}

function ItemTile({ viewer, item }: { viewer: Viewer; item: Item }): JSX.Element {
  const element = useRef<HTMLButtonElement>(null);
  const current = viewer.item.value?.id === item.id;
  useEffect(() => {
    if (current) element.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  const middle = item.kind === 'stack' ? item.frames[Math.floor(item.frames.length / 2)] : undefined;
  const title = item.description || (item.kind === 'stack' ? item.modality : t(`document.${item.kind}`));
  return (
    <button
      ref={element}
      type="button"
      class="tile"
      aria-current={current}
      data-testid="series-tile"
      data-series-uid={item.series_instance_uid}
      title={title}
      onClick={() => viewer.select(item)}
    >
      {middle ? <img src={thumbnailUrl(viewer.place, middle)} alt="" width="96" height="96" loading="lazy" draggable={false} /> : <span class="tile-icon"><Icon name="document" size={36} /></span>}
      <span class="tile-line">
        <span class="tile-modality">{item.modality}</span>
        <span class="tile-count">{item.kind === 'stack' ? number(item.frames.length) : ''}</span>
      </span>
      <span class="tile-title">{title}</span>
    </button>
  );
}

function EntryTile({ viewer, entry }: { viewer: Viewer; entry: SeriesEntry }): JSX.Element {
  const open = async (): Promise<void> => {
    const items = await viewer.series.items(entry.series_instance_uid).catch(() => []);
    if (items[0]) viewer.select(items[0]);
  };
  return (
    <button type="button" class="tile" data-testid="series-tile" data-series-uid={entry.series_instance_uid} title={entry.problem ? t('viewer.series_failed') : entry.description} onClick={() => void open()}>
      <img src={`${seriesUrl(viewer.place, entry.series_instance_uid)}/thumbnail?viewport=128,128`} alt="" width="96" height="96" loading="lazy" draggable={false} />
      <span class="tile-line">
        <span class="tile-modality">{entry.modality}</span>
        <span class="tile-count">{entry.problem ? <Icon name="warning" size={14} /> : number(entry.instance_count)}</span>
      </span>
      <span class="tile-title">{entry.description || entry.modality}</span>
    </button>
  );
}
