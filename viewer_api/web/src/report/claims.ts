import type { Claim } from '../api/types';

/** Claim tokens of this browser tab (session storage): what each command of a holder must carry. */
const PREFIX = 'farlight.claim.';

export function rememberClaim(request_id: number, claim: Claim): void {
  sessionStorage.setItem(`${PREFIX}${request_id}`, JSON.stringify(claim));
}

export function claimOf(request_id: number): Claim | null {
  const text = sessionStorage.getItem(`${PREFIX}${request_id}`);
  return text ? (JSON.parse(text) as Claim) : null;
}

export function forgetClaim(request_id: number): void {
  sessionStorage.removeItem(`${PREFIX}${request_id}`);
}

export function forgetClaims(): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  }
}
