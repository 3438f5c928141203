import { signal } from '@preact/signals';

const STORED_AS = 'farlight.fidelity';

export type Fidelity = 'full' | 'rendered';

/** Whether pixels at full fidelity are wanted, or the server's renderings alone (thin link, weak computer). */
export const fidelity = signal<Fidelity>(stored() ?? suggested());

function stored(): Fidelity | null {
  const value = localStorage.getItem(STORED_AS);
  return value === 'full' || value === 'rendered' ? value : null;
}

interface ConnectionHints {
  saveData?: boolean;
  effectiveType?: string;
}

function suggested(): Fidelity {
  const hints = navigator as Navigator & { connection?: ConnectionHints; deviceMemory?: number };
  const thin = hints.connection?.saveData === true || /2g/.test(hints.connection?.effectiveType ?? '');
  const small = hints.deviceMemory !== undefined && hints.deviceMemory <= 1;
  return thin || small ? 'rendered' : 'full';
}

export function chooseFidelity(next: Fidelity): void {
  fidelity.value = next;
  localStorage.setItem(STORED_AS, next);
}

/** Bytes of decoded pixels kept at most. */
export function pixelBudget_bytes(): number {
  const memory_gb = (navigator as Navigator & { deviceMemory?: number }).deviceMemory ?? 4;
  const phone = matchMedia('(max-width: 760px)').matches;
  return (phone || memory_gb <= 2 ? 96 : memory_gb <= 4 ? 256 : 400) * 1024 * 1024;
}
