import { batch, effect, signal } from '@preact/signals';
import { listenForNews } from '../api/events';
import { Problem } from '../api/problem';
import { getRequest, giveCommand, type CommandBody } from '../api/requests';
import type { Command, RequestDetail } from '../api/types';
import { claimOf } from '../report/claims';
import type { StudyPlace } from '../viewer/dicomweb';
import { keyImageOf } from '../viewer/key-image';
import { Viewer } from '../viewer/viewer';
import { claim } from '../worklist/commands';
import { HeldClaim, isLost } from './held-claim';
import { Writing } from './writing';

const GATHER_NEWS_MS = 250;

/** One request being read: the request itself with its commands, the claim, the text, and the viewer beside it. */
export class Case {
  readonly request;
  readonly held: HeldClaim;
  readonly writing: Writing;
  readonly signed = signal(false);
  /** Whether any picture was seen at full fidelity; told before signing. */
  readonly sawFull = signal(false);
  readonly viewer: Viewer;
  readonly place: StudyPlace;
  private readonly stops: (() => void)[] = [];
  private newsTimer = 0;

  constructor(request: RequestDetail) {
    const lose = (): Promise<void> => this.lose();
    this.request = signal(request);
    this.held = new HeldClaim(request.id, lose);
    this.writing = new Writing(this.request, this.held, lose);
    this.place = { site: request.study.site, study_instance_uid: request.study.study_instance_uid };
    this.viewer = new Viewer(this.place);
  }

  get id(): number {
    return this.request.value.id;
  }

  get allowed(): Command[] {
    return this.request.value.allowed_commands;
  }

  /** The draft being written; null for who only reads along. */
  get draft(): Writing['draft'] {
    return this.writing.draft;
  }

  start(): () => void {
    void this.viewer.open();
    this.stops.push(
      this.held.startBeating(),
      this.followNews(),
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
    this.writing.stop();
  }

  private followNews(): () => void {
    return listenForNews((news) => {
      if (news.kind === 'request' && news.data.request_id !== this.id) return;
      if (news.kind === 'study' && news.data.study_instance_uid !== this.place.study_instance_uid) return;
      if (news.kind === 'study') void this.viewer.refresh().catch(() => undefined);
      window.clearTimeout(this.newsTimer);
      this.newsTimer = window.setTimeout(() => void this.reload(), GATHER_NEWS_MS);
    });
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

  addKeyImage(): void {
    this.writing.addKeyImage(keyImageOf(this.viewer));
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
      this.writing.end();
      this.held.lost.value = false;
    });
    await this.claim();
  }

  private async openDraft(): Promise<void> {
    this.held.recall();
    await this.writing.open();
  }

  private async lose(): Promise<void> {
    if (this.held.lost.value) return;
    batch(() => {
      this.held.lose();
      this.draft.value?.lose();
    });
    await this.writing.readServerText();
    await this.reload();
  }

  // ---- commands ----------------------------------------------------------------------------------------------------------------

  async submitReport(): Promise<void> {
    await this.give('submit-report', { draft_version: await this.writing.saveForReport() });
    this.end();
  }

  async sign(password: string): Promise<void> {
    const draft_version = await this.writing.saveForReport();
    this.signed.value = true;
    try {
      await this.give('sign', { draft_version, password });
      this.end();
    } catch (error) {
      this.signed.value = false;
      throw error;
    }
  }

  /** A command of the holder or of anybody else; the token goes along when there is one. */
  async give(command: Command, body: CommandBody = {}): Promise<void> {
    const { token } = this.held;
    try {
      const answer = await giveCommand(this.id, command, { ...(token ? { token } : {}), ...body });
      this.held.keep(answer);
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
    if (draft) await this.writing.save();
    this.draft.value = null;
    try {
      await this.give(command, body);
    } catch (error) {
      this.draft.value = draft;
      throw error;
    }
    draft?.stop();
    this.end();
  }

  /** The claim ended as it should: nothing of it stays in this browser. */
  private end(): void {
    this.writing.end();
    this.held.forget();
    this.writing.dropKept();
  }
}
