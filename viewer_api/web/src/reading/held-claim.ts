import { signal } from '@preact/signals';
import { Problem } from '../api/problem';
import { giveCommand } from '../api/requests';
import type { Claim, CommandAnswer } from '../api/types';
import { claimOf, forgetClaim, rememberClaim } from '../report/claims';

const HEARTBEAT_MS = 60_000;

/** This tab's claim on one request: its token, the heartbeat that keeps it, and whether it was lost. */
export class HeldClaim {
  readonly current = signal<Claim | null>(null);
  readonly lost = signal(false);

  constructor(
    private readonly request_id: number,
    private readonly onLost: () => Promise<void>,
  ) {}

  get token(): string | null {
    return this.current.value?.token ?? null;
  }

  startBeating(): () => void {
    const timer = window.setInterval(() => void this.beat(), HEARTBEAT_MS);
    return () => window.clearInterval(timer);
  }

  /** Asks for more time; by the clock, or at once by hand. */
  async beat(): Promise<void> {
    const token = this.token;
    if (!token || this.lost.value) return;
    try {
      this.keep(await giveCommand(this.request_id, 'heartbeat', { token }));
    } catch (error) {
      if (isLost(error)) await this.onLost();
    }
  }

  /** Takes up the claim that this tab remembers. */
  recall(): void {
    this.current.value = claimOf(this.request_id);
  }

  keep(answer: CommandAnswer): void {
    if (!answer.claim) return;
    rememberClaim(this.request_id, answer.claim);
    this.current.value = answer.claim;
  }

  lose(): void {
    this.forget();
    this.lost.value = true;
  }

  forget(): void {
    forgetClaim(this.request_id);
    this.current.value = null;
  }
}

export function isLost(error: unknown): boolean {
  return error instanceof Problem && error.code === 'CLAIM_LOST';
}
