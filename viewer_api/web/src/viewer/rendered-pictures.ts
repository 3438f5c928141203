import { http } from '../api/http';

const AT_ONCE = 3;
const KEEP = 80;

/**
 * The server's renderings, by address. While the user scrolls faster than pictures come, those under way are let finish (else nothing
 * would ever show) and only the newest wish waits.
 */
export class RenderedPictures {
  private readonly kept = new Map<string, ImageBitmap>();
  private readonly running = new Map<string, AbortController>();
  private wish: string | null = null;

  constructor(private readonly onPicture: (url: string, error: unknown) => void) {}

  get(url: string): ImageBitmap | undefined {
    const picture = this.kept.get(url);
    if (picture) {
      this.kept.delete(url);
      this.kept.set(url, picture);
    }
    return picture;
  }

  want(url: string): void {
    if (this.kept.has(url) || this.running.has(url)) return;
    if (this.running.size < AT_ONCE) void this.load(url);
    else this.wish = url;
  }

  stop(): void {
    this.wish = null;
    for (const abort of this.running.values()) abort.abort();
    this.running.clear();
    for (const picture of this.kept.values()) picture.close();
    this.kept.clear();
  }

  private async load(url: string): Promise<void> {
    const abort = new AbortController();
    this.running.set(url, abort);
    let failure: unknown = null;
    try {
      const picture = await fetchPicture(url, abort.signal);
      this.keep(url, picture);
    } catch (error) {
      failure = error;
    }
    if (abort.signal.aborted) return;
    this.running.delete(url);
    this.onPicture(url, failure);
    const next = this.wish;
    this.wish = null;
    if (next) this.want(next);
  }

  private keep(url: string, picture: ImageBitmap): void {
    this.kept.set(url, picture);
    for (const [oldest, old] of this.kept) {
      if (this.kept.size <= KEEP) break;
      this.kept.delete(oldest);
      old.close();
    }
  }
}

async function fetchPicture(url: string, signal: AbortSignal): Promise<ImageBitmap> {
  const response = await http(url, { accept: 'image/jpeg', signal });
  return createImageBitmap(await response.blob());
}
