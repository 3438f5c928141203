import { signal } from '@preact/signals';
import { type DataSet, number, text } from './dicom-json';
import { listSeries, seriesInstances, type StudyPlace } from './dicomweb';
import { type Item, itemsOf } from './stack';

export interface SeriesEntry {
  series_instance_uid: string;
  series_number: number | null;
  modality: string;
  description: string;
  instance_count: number;
  /** null until the series' metadata came. */
  items: Item[] | null;
  problem: unknown;
}

/** The series of one study, their metadata loaded one after the other, the wanted one first. */
export class StudySeries {
  readonly entries = signal<SeriesEntry[]>([]);
  private readonly loads = new Map<string, Promise<Item[]>>();
  private readonly abort = new AbortController();

  constructor(readonly place: StudyPlace) {}

  async list(): Promise<SeriesEntry[]> {
    const fresh = (await listSeries(this.place, this.abort.signal)).map(entryOf).sort(inOrder);
    const known = new Map(this.entries.value.map((one) => [one.series_instance_uid, one]));
    this.entries.value = fresh.map((one) => {
      const before = known.get(one.series_instance_uid);
      if (before && before.instance_count === one.instance_count) return before;
      this.loads.delete(one.series_instance_uid);
      return one;
    });
    return this.entries.value;
  }

  items(series_instance_uid: string): Promise<Item[]> {
    let load = this.loads.get(series_instance_uid);
    if (!load) {
      load = this.fetchItems(series_instance_uid);
      this.loads.set(series_instance_uid, load);
    }
    return load;
  }

  /** Whatever is not asked for yet, quietly. */
  async loadRest(): Promise<void> {
    for (const entry of this.entries.value) {
      if (this.abort.signal.aborted) return;
      await this.items(entry.series_instance_uid).catch(() => undefined);
    }
  }

  stop(): void {
    this.abort.abort();
  }

  private async fetchItems(series_instance_uid: string): Promise<Item[]> {
    try {
      const items = itemsOf(await seriesInstances(this.place, series_instance_uid, this.abort.signal));
      this.put(series_instance_uid, { items, problem: null });
      return items;
    } catch (error) {
      this.loads.delete(series_instance_uid);
      if (!this.abort.signal.aborted) this.put(series_instance_uid, { problem: error });
      throw error;
    }
  }

  private put(series_instance_uid: string, part: Partial<SeriesEntry>): void {
    this.entries.value = this.entries.value.map((one) => (one.series_instance_uid === series_instance_uid ? { ...one, ...part } : one));
  }
}

function entryOf(dataset: DataSet): SeriesEntry {
  return {
    series_instance_uid: text(dataset, '0020000E') ?? '',
    series_number: number(dataset, '00200011'),
    modality: text(dataset, '00080060') ?? '',
    description: text(dataset, '0008103E') ?? '',
    instance_count: number(dataset, '00201209') ?? 0,
    items: null,
    problem: null,
  };
}

const LATE = /^(SR|DOC|PR|KO|SEG|RTSTRUCT)$/;

/** By Series Number, documents and annotations after the pictures. */
function inOrder(a: SeriesEntry, b: SeriesEntry): number {
  return Number(LATE.test(a.modality)) - Number(LATE.test(b.modality)) || (a.series_number ?? 1e9) - (b.series_number ?? 1e9) || a.series_instance_uid.localeCompare(b.series_instance_uid);
}
