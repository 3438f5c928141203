import { signal } from '@preact/signals';
import { putDraft } from '../api/requests';
import { Problem } from '../api/problem';
import { SignedOut } from '../api/reauthentication';
import type { Draft, ReportContent } from '../api/types';
import { complete } from './content';
import { after, type DraftState, dueIn, type Happening, opened } from './draft-state';
import { dropText, keepText } from './mirror';

interface Where {
  user_id: number;
  request_id: number;
  token: () => string | null;
}

/** Sends the draft as it is typed; the state machine is in `draft-state.ts`, this is its clock and its wire. */
export class Autosave {
  readonly state;
  private timer = 0;
  private sending: Promise<void> | null = null;
  private readonly leaving = (): void => this.sendLast();
  private readonly hidden = (): void => {
    if (document.visibilityState === 'hidden') void this.flush();
  };

  constructor(
    private readonly where: Where,
    draft: Draft,
  ) {
    this.state = signal<DraftState>(opened(draft));
    window.addEventListener('pagehide', this.leaving);
    document.addEventListener('visibilitychange', this.hidden);
  }

  edit(content: ReportContent): void {
    this.happened({ kind: 'edited', content, at: Date.now() });
    keepText(this.where.user_id, this.where.request_id, { content, base: this.state.value.base, at: new Date().toISOString() });
  }

  choose(content: ReportContent): void {
    this.happened({ kind: 'chosen', content, at: Date.now() });
    if (this.state.value.status === 'saved') dropText(this.where.user_id, this.where.request_id);
  }

  lose(): void {
    this.happened({ kind: 'lost' });
  }

  /** Sends what is unsaved and waits for it. Resolves to the version that holds all the text; null when it could not be saved. */
  async flush(): Promise<number | null> {
    if (this.sending) await this.sending;
    if (['dirty', 'retrying'].includes(this.state.value.status)) await this.send();
    if (this.state.value.status === 'dirty') await this.send();
    return this.state.value.status === 'saved' ? this.state.value.base : null;
  }

  stop(): void {
    window.clearTimeout(this.timer);
    window.removeEventListener('pagehide', this.leaving);
    document.removeEventListener('visibilitychange', this.hidden);
  }

  private happened(happening: Happening): void {
    this.state.value = after(this.state.value, happening);
    window.clearTimeout(this.timer);
    const due = dueIn(this.state.value, Date.now());
    if (due !== null) this.timer = window.setTimeout(() => void this.send(), due);
  }

  private send(): Promise<void> {
    this.sending ??= this.sendNow().finally(() => (this.sending = null));
    return this.sending;
  }

  private async sendNow(): Promise<void> {
    const token = this.where.token();
    if (!token) return this.lose();
    const { content, base } = this.state.value;
    this.happened({ kind: 'sending' });
    try {
      const answer = await putDraft(this.where.request_id, { token, version: base, content });
      this.happened({ kind: 'stored', ...answer });
      if (this.state.value.status === 'saved') dropText(this.where.user_id, this.where.request_id);
    } catch (error) {
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    if (error instanceof Problem && error.code === 'VERSION_CONFLICT') {
      const current = error.fields['current'] as Partial<Draft> | undefined;
      this.happened({
        kind: 'conflict',
        theirs: { version: current?.version ?? this.state.value.base, content: complete(current?.content), saved_at: current?.saved_at ?? null, saved_by: current?.saved_by ?? null },
      });
    } else if (error instanceof Problem && (error.code === 'CLAIM_LOST' || error.code === 'COMMAND_NOT_ALLOWED' || error.status === 403)) {
      this.lose();
    } else if (!(error instanceof SignedOut)) {
      this.happened({ kind: 'failed', at: Date.now() });
    }
  }

  /** The page goes away: one last save that outlives it. The mirrored text is kept, should it not arrive. */
  private sendLast(): void {
    const { status, content, base } = this.state.value;
    const token = this.where.token();
    if (token && ['dirty', 'retrying'].includes(status)) void putDraft(this.where.request_id, { token, version: base, content }, true).catch(() => undefined);
  }
}
