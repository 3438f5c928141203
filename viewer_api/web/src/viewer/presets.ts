import type { Word } from '../i18n';
import type { Window } from './frame';

export interface Preset extends Window {
  name: Word;
}

/** Window presets by modality, in the order of keys 1-9 (width/level as radiologists give them: 400/40 is center 40, width 400). */
export const PRESETS: Record<string, Preset[]> = {
  CT: [
    { name: 'preset.soft', center: 40, width: 400 },
    { name: 'preset.lung', center: -600, width: 1500 },
    { name: 'preset.bone', center: 480, width: 2500 },
    { name: 'preset.brain', center: 40, width: 80 },
    { name: 'preset.liver', center: 90, width: 150 },
    { name: 'preset.mediastinum', center: 80, width: 400 },
    { name: 'preset.stroke', center: 40, width: 40 },
    { name: 'preset.subdural', center: 75, width: 200 },
    { name: 'preset.cta', center: 120, width: 380 },
    { name: 'preset.temporal', center: 600, width: 2800 },
    { name: 'preset.spine', center: 50, width: 250 },
  ],
};

export function presetsFor(modality: string): Preset[] {
  return PRESETS[modality] ?? [];
}

export function presetOfKey(modality: string, key: number): Preset | undefined {
  return key >= 1 && key <= 9 ? presetsFor(modality)[key - 1] : undefined;
}
