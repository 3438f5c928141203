import { batch, effect, type ReadonlySignal, signal } from '@preact/signals';
import { Problem } from '../api/problem';
import { getDraft, putDraft } from '../api/requests';
import type { Draft, KeyImage, ReportContent, RequestDetail } from '../api/types';
import { t } from '../i18n';
import { Autosave } from '../report/autosave';
import { complete, isEmpty, isSame, KEY_IMAGES_MOST, missing, startingContent } from '../report/content';
import { dropText, keptText, type MirroredText } from '../report/mirror';
import { user } from '../session/session';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import type { HeldClaim } from './held-claim';

/** The text of who holds the claim: the draft with its autosave, and what was found beside it on this computer and on the server. */
export class Writing {
  readonly draft = signal<Autosave | null>(null);
  readonly recovered = signal<MirroredText | null>(null);
  /** The draft as the server has it, shown beside one's own when the claim is lost. */
  readonly serverText = signal<ReportContent | null>(null);
  readonly showMissing = signal(false);
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly request: ReadonlySignal<RequestDetail>,
    private readonly held: HeldClaim,
    private readonly onLost: () => Promise<void>,
  ) {}

  private get id(): number {
    return this.request.value.id;
  }

  async open(): Promise<void> {
    const me = user.value;
    if (!me) return;
    try {
      const draft = await this.firstDraft();
      this.edit(me.id, new Autosave({ user_id: me.id, request_id: this.id, token: () => this.held.token }, draft));
    } catch (error) {
      notify(troubleText(error) ?? '', 'bad');
    }
  }

  /** The page is left: what is unsaved is still sent. */
  stop(): void {
    for (const stop of this.stops) stop();
    const draft = this.draft.value;
    if (draft) void draft.flush().finally(() => draft.stop());
  }

  end(): void {
    this.draft.value?.stop();
    this.draft.value = null;
  }

  async readServerText(): Promise<void> {
    this.serverText.value = await getDraft(this.id).then(
      (draft) => complete(draft.content),
      () => null,
    );
  }

  useRecovered(use: boolean): void {
    const found = this.recovered.value;
    this.recovered.value = null;
    if (!found || !user.value) return;
    if (use) this.draft.value?.edit(found.content);
    else this.dropKept();
  }

  /** Forgets the text kept on this computer. */
  dropKept(): void {
    const me = user.value;
    if (me) dropText(me.id, this.id);
  }

  addKeyImage(image: Omit<KeyImage, 'caption'> | null): void {
    const draft = this.draft.value;
    if (!draft || !image) return notify(t(draft ? 'key.no_picture' : 'key.claim_first'));
    const { content } = draft.state.value;
    const known = content.key_images.some((one) => one.sop_instance_uid === image.sop_instance_uid && one.frame_number === image.frame_number);
    if (known) return notify(t('key.known'));
    if (content.key_images.length >= KEY_IMAGES_MOST) return notify(t('key.full', { n: KEY_IMAGES_MOST }), 'bad');
    draft.edit({ ...content, key_images: [...content.key_images, { ...image, caption: '' }] });
    notify(t('key.added', { n: content.key_images.length + 1 }));
  }

  /** Whether nothing stands in the way of submitting or signing; what does is shown at the fields. */
  isComplete(): boolean {
    const content = this.draft.value?.state.value.content;
    const lacking = content ? missing(content) : [];
    this.showMissing.value = lacking.length > 0;
    const first = lacking[0];
    if (first) {
      notify(t('submit.missing', { fields: lacking.map((one) => t(`field.${one}`)).join(t('list.comma')) }), 'bad');
      document.querySelector<HTMLElement>(`[name=${first}]`)?.focus();
    }
    return lacking.length === 0;
  }

  /** Saves what is unsaved; resolves to the version that holds all the text, else throws NOT_SAVED. */
  async save(): Promise<number> {
    const version = (await this.draft.value?.flush()) ?? null;
    if (version === null) throw new Problem(0, 'NOT_SAVED', t('save.retrying'));
    return version;
  }

  /** As `save`, also for a draft that was never typed into and so has no version yet. */
  async saveForReport(): Promise<number> {
    const draft = this.draft.value;
    const version = await this.save();
    return version === 0 && draft ? this.saveFirst(draft) : version;
  }

  private async saveFirst(draft: Autosave): Promise<number> {
    return (await putDraft(this.id, { token: this.held.token ?? '', version: 0, content: draft.state.value.content })).version;
  }

  private edit(user_id: number, autosave: Autosave): void {
    const kept = keptText(user_id, this.id);
    batch(() => {
      this.draft.value = autosave;
      this.recovered.value = kept && !isSame(complete(kept.content), autosave.state.value.content) ? { ...kept, content: complete(kept.content) } : null;
    });
    this.stops.push(
      effect(() => {
        if (autosave.state.value.status === 'lost') void this.onLost();
      }),
    );
  }

  private async firstDraft(): Promise<Draft> {
    const draft = await getDraft(this.id).catch((error: unknown) => {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    });
    const content = complete(draft?.content);
    if (draft && !isEmpty(content)) return { ...draft, content };
    return { version: draft?.version ?? 0, content: startingContent(this.request.value.clinical), saved_at: null, saved_by: null };
  }
}
