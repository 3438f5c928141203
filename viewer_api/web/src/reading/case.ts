import { batch, effect, signal } from '@preact/signals';
import { listenForNews } from '../api/events';
import { Problem } from '../api/problem';
import { getDraft, getRequest, giveCommand, listRequests, putDraft, type CommandBody } from '../api/requests';
import type { Claim, Command, CommandAnswer, Draft, ReportContent, RequestDetail } from '../api/types';
import { t } from '../i18n';
import { Autosave } from '../report/autosave';
import { claimOf, forgetClaim, rememberClaim } from '../report/claims';
import { complete, isEmpty, isSame, KEY_IMAGES_MOST, missing, startingContent } from '../report/content';
import { dropText, keptText, type MirroredText } from '../report/mirror';
import { user } from '../session/session';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import type { StudyPlace } from '../viewer/dicomweb';
import { keyImageOf } from '../viewer/key-image';
import { Viewer } from '../viewer/viewer';
import { claim } from '../worklist/commands';

const HEARTBEAT_MS = 60_000;
const GATHER_NEWS_MS = 250;

/** One request being read: the request itself, the claim with its heartbeat, the draft, and the viewer beside it. */
export class Case {
  readonly request;
  readonly claimed = signal<Claim | null>(null);
  readonly draft = signal<Autosave | null>(null);
  readonly claimLost = signal(false);
  readonly recovered = signal<MirroredText | null>(null);
  /** The draft as the server has it, shown beside one's own when the claim is lost. */
  readonly serverText = signal<ReportContent | null>(null);
  readonly showMissing = signal(false);
  readonly signed = signal(false);
  /** Whether any picture was seen at full fidelity; told before signing. */
  readonly sawFull = signal(false);
  readonly viewer: Viewer;
  readonly place: StudyPlace;
  private readonly stops: (() => void)[] = [];
  private newsTimer = 0;

  constructor(request: RequestDetail) {
    this.request = signal(request);
    this.place = { site: request.study.site, study_instance_uid: request.study.study_instance_uid };
    this.viewer = new Viewer(this.place);
  }

  get id(): number {
    return this.request.value.id;
  }

  get allowed(): Command[] {
    return this.request.value.allowed_commands;
  }

  start(): () => void {
    void this.viewer.open();
    const beat = window.setInterval(() => void this.beat(), HEARTBEAT_MS);
    this.stops.push(
      () => window.clearInterval(beat),
      listenForNews((news) => {
        if (news.kind === 'request' && news.data.request_id !== this.id) return;
        if (news.kind === 'study' && news.data.study_instance_uid !== this.place.study_instance_uid) return;
        if (news.kind === 'study') void this.viewer.refresh().catch(() => undefined);
        window.clearTimeout(this.newsTimer);
        this.newsTimer = window.setTimeout(() => void this.reload(), GATHER_NEWS_MS);
      }),
      effect(() => {
        if (this.viewer.shown.value?.quality === 'full') this.sawFull.value = true;
      }),
    );
    if (this.request.value.holder?.mine) void this.resume();
    return () => this.stop();
  }

  private stop(): void {
    for (const stop of this.stops) stop();
    window.clearTimeout(this.newsTimer);
    const draft = this.draft.value;
    if (draft) void draft.flush().finally(() => draft.stop());
  }

  async reload(): Promise<void> {
    try {
      this.take(await getRequest(this.id));
    } catch {
      // The next news or the next beat asks again; what is shown stays true as of its last change.
    }
  }

  private take(request: RequestDetail): void {
    this.request.value = request;
    const holding = this.draft.value !== null && !this.signed.value;
    if (holding && !request.holder?.mine) void this.lose();
  }

  // ---- the claim ---------------------------------------------------------------------------------------------------------------

  async claim(): Promise<void> {
    const request = await claim(this.id);
    if (!request) {
      await this.reload();
      return;
    }
    this.request.value = request;
    await this.openDraft();
  }

  /** The page was loaded anew, or a second tab: the same claim goes on. */
  private async resume(): Promise<void> {
    if (!claimOf(this.id)) {
      const request = await claim(this.id);
      if (!request) return;
      this.request.value = request;
    }
    await this.openDraft();
  }

  async claimAgain(): Promise<void> {
    batch(() => {
      this.draft.value?.stop();
      this.draft.value = null;
      this.claimLost.value = false;
    });
    await this.claim();
  }

  private async beat(): Promise<void> {
    const token = this.claimed.value?.token;
    if (!token || this.claimLost.value) return;
    try {
      const answer = await giveCommand(this.id, 'heartbeat', { token });
      this.keepClaim(answer);
    } catch (error) {
      if (isLost(error)) await this.lose();
    }
  }

  /** Asks for more time at once, by hand. */
  extend(): Promise<void> {
    return this.beat();
  }

  private keepClaim(answer: CommandAnswer): void {
    if (!answer.claim) return;
    rememberClaim(this.id, answer.claim);
    this.claimed.value = answer.claim;
  }

  private async lose(): Promise<void> {
    if (this.claimLost.value) return;
    forgetClaim(this.id);
    batch(() => {
      this.claimLost.value = true;
      this.claimed.value = null;
      this.draft.value?.lose();
    });
    this.serverText.value = await getDraft(this.id).then(
      (draft) => complete(draft.content),
      () => null,
    );
    await this.reload();
  }

  // ---- the draft ---------------------------------------------------------------------------------------------------------------

  private async openDraft(): Promise<void> {
    this.claimed.value = claimOf(this.id);
    const me = user.value;
    if (!me) return;
    try {
      const draft = await this.firstDraft();
      const autosave = new Autosave({ user_id: me.id, request_id: this.id, token: () => this.claimed.value?.token ?? null }, draft);
      const kept = keptText(me.id, this.id);
      batch(() => {
        this.draft.value = autosave;
        this.recovered.value = kept && !isSame(complete(kept.content), autosave.state.value.content) ? { ...kept, content: complete(kept.content) } : null;
      });
      this.stops.push(
        effect(() => {
          if (autosave.state.value.status === 'lost') void this.lose();
        }),
      );
    } catch (error) {
      notify(troubleText(error) ?? '', 'bad');
    }
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

  useRecovered(use: boolean): void {
    const found = this.recovered.value;
    const me = user.value;
    this.recovered.value = null;
    if (!found || !me) return;
    if (use) this.draft.value?.edit(found.content);
    else dropText(me.id, this.id);
  }

  addKeyImage(): void {
    const draft = this.draft.value;
    const image = keyImageOf(this.viewer);
    if (!draft || !image) return notify(t(draft ? 'key.no_picture' : 'key.claim_first'));
    const { content } = draft.state.value;
    const known = content.key_images.some((one) => one.sop_instance_uid === image.sop_instance_uid && one.frame_number === image.frame_number);
    if (known) return notify(t('key.known'));
    if (content.key_images.length >= KEY_IMAGES_MOST) return notify(t('key.full', { n: KEY_IMAGES_MOST }), 'bad');
    draft.edit({ ...content, key_images: [...content.key_images, { ...image, caption: '' }] });
    notify(t('key.added', { n: content.key_images.length + 1 }));
  }

  // ---- commands ----------------------------------------------------------------------------------------------------------------

  /** What stands in the way of submitting or signing; shown at the fields. */
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

  async submitReport(): Promise<void> {
    await this.give('submit-report', { draft_version: await this.savedVersion() });
    this.endDraft();
  }

  async sign(password: string): Promise<void> {
    const draft_version = await this.savedVersion();
    this.signed.value = true;
    try {
      await this.give('sign', { draft_version, password });
      this.endDraft();
    } catch (error) {
      this.signed.value = false;
      throw error;
    }
  }

  private async savedVersion(): Promise<number> {
    const draft = this.draft.value;
    const version = draft ? await draft.flush() : null;
    if (version === null || !draft) throw notSaved();
    // A draft that was never typed into has no version yet.
    return version === 0 ? this.saveFirst(draft) : version;
  }

  private async saveFirst(draft: Autosave): Promise<number> {
    const token = this.claimed.value?.token ?? '';
    return (await putDraft(this.id, { token, version: 0, content: draft.state.value.content })).version;
  }

  /** A command of the holder or of anybody else; the token goes along when there is one. */
  async give(command: Command, body: CommandBody = {}): Promise<void> {
    const token = this.claimed.value?.token;
    try {
      const answer = await giveCommand(this.id, command, { ...(token ? { token } : {}), ...body });
      this.keepClaim(answer);
      this.request.value = answer.request;
    } catch (error) {
      if (isLost(error)) await this.lose();
      else if (error instanceof Problem && error.status === 409) await this.reload();
      throw error;
    }
  }

  /** Commands that end the claim: the text is saved first, the editor closes. */
  async giveAndEnd(command: Command, body: CommandBody): Promise<void> {
    const draft = this.draft.value;
    if (draft && (await draft.flush()) === null) throw notSaved();
    this.draft.value = null;
    try {
      await this.give(command, body);
    } catch (error) {
      this.draft.value = draft;
      throw error;
    }
    draft?.stop();
    this.forget();
  }

  private endDraft(): void {
    this.draft.value?.stop();
    this.draft.value = null;
    this.forget();
  }

  private forget(): void {
    forgetClaim(this.id);
    this.claimed.value = null;
    const me = user.value;
    if (me) dropText(me.id, this.id);
  }

  /** The next case of the same kind that may be claimed; null when there is none. */
  async next(): Promise<number | null> {
    const view = this.request.value.stage === 'REVIEW' ? 'review' : 'queue';
    const list = await listRequests({ view, limit: 20 });
    return list.items.find((one) => one.id !== this.id && one.allowed_commands.includes('claim'))?.id ?? null;
  }
}

function notSaved(): Problem {
  return new Problem(0, 'NOT_SAVED', t('save.retrying'));
}

function isLost(error: unknown): boolean {
  return error instanceof Problem && error.code === 'CLAIM_LOST';
}
