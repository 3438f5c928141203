import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t, type Word } from '../i18n';
import { Icon, type IconName } from '../ui/icons';
import { chooseFidelity, fidelity } from './fidelity';
import { isColour, voiOf } from './frame';
import type { Tool } from './hotkeys';
import { presetsFor } from './presets';
import { toggleFullscreen } from './screen';
import type { Viewer } from './viewer';

const TOOLS: [tool: Tool, icon: IconName, key: string][] = [
  ['scroll', 'scroll', 'S'],
  ['window', 'window', 'W'],
  ['zoom', 'zoom', 'Z'],
  ['pan', 'pan', 'P'],
  ['length', 'length', 'D'],
];

interface ToolbarProps {
  viewer: Viewer;
  /** Puts the picture shown into the report; absent when there is no report to put it in. */
  onKeyImage?: (() => void) | undefined;
  onHelp: () => void;
}

export function Toolbar({ viewer, onKeyImage, onHelp }: ToolbarProps): JSX.Element {
  return (
    <div class="toolbar" role="toolbar" aria-label={t('viewer.tools')} data-testid="toolbar">
      {TOOLS.map(([tool, icon, key]) => (
        <Tool key={tool} name={tool} icon={icon} hotkey={key} word={`tool.${tool}`} pressed={viewer.tool.value === tool} onClick={() => viewer.setTool(tool)} />
      ))}
      <Gap />
      <WindowMenu viewer={viewer} />
      <Tool name="invert" icon="invert" hotkey="I" word="tool.invert" pressed={viewer.windowing.invert.value} onClick={() => viewer.windowing.toggleInvert()} />
      <Gap />
      <Tool name="rotate" icon="rotate" hotkey="R" word="tool.rotate" onClick={() => viewer.view.rotate(90)} />
      <Tool name="flip-h" icon="flipH" hotkey="H" word="tool.flip_h" onClick={() => viewer.view.flip('horizontal')} />
      <Tool name="flip-v" icon="flipV" hotkey="V" word="tool.flip_v" onClick={() => viewer.view.flip('vertical')} />
      <Tool name="reset" icon="reset" hotkey="Space" word="tool.reset" onClick={() => viewer.reset()} />
      <Gap />
      <Cine viewer={viewer} />
      {viewer.tool.value === 'length' && <Tool name="delete" icon="trash" hotkey="Del" word="tool.delete" onClick={() => viewer.full.deleteMeasurement()} />}
      {onKeyImage && <Tool name="key-image" icon="key" hotkey="K" word="tool.key_image" onClick={onKeyImage} />}
      <span class="push" />
      <FidelitySwitch />
      <Tool name="overlay" icon="overlay" hotkey="O" word="tool.overlay" pressed={viewer.overlay.value} onClick={() => (viewer.overlay.value = !viewer.overlay.value)} />
      <Tool name="fullscreen" icon="fullscreen" hotkey="F" word="tool.fullscreen" onClick={toggleFullscreen} />
      <Tool name="viewer-help" icon="help" hotkey="?" word="nav.help" onClick={onHelp} />
    </div>
  );
}

interface ToolProps {
  name: string;
  icon: IconName;
  hotkey: string;
  word: Word;
  pressed?: boolean;
  onClick: () => void;
}

function Tool({ name, icon, hotkey, word, pressed, onClick }: ToolProps): JSX.Element {
  return (
    <button type="button" class="tool" data-testid={`tool-${name}`} aria-label={t(word)} aria-pressed={pressed} data-tip={`${t(word)}  ${hotkey}`} onClick={onClick}>
      <Icon name={icon} size={20} />
    </button>
  );
}

function Gap(): JSX.Element {
  return <span class="tool-gap" aria-hidden="true" />;
}

function WindowMenu({ viewer }: { viewer: Viewer }): JSX.Element {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const frame = viewer.shown.value?.frame;
  const colour = frame !== undefined && isColour(frame.instance);
  const own = frame ? voiOf(frame).windows : [];
  const presets = presetsFor(viewer.item.value?.modality ?? '');
  const pick = (window: { center: number; width: number } | null): void => {
    viewer.windowing.choose(window);
    setOpen(false);
  };
  return (
    <div
      class="tool-menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        setOpen(false);
      }}
    >
      <button type="button" class="tool wide" data-testid="tool-presets" aria-expanded={open} disabled={colour} data-tip={t(colour ? 'tool.presets_colour' : 'tool.presets')} onClick={() => setOpen(!open)}>
        <Icon name="presets" size={20} />
        <span>W/L</span>
      </button>
      {open && (
        <div class="menu presets" data-testid="presets-menu">
          <PresetLine testid="preset-0" hotkey="0" label={t('preset.auto')} onPick={() => pick(null)} />
          {presets.map((one, at) => (
            <PresetLine key={one.name} testid={`preset-${at + 1}`} hotkey={at < 9 ? String(at + 1) : ''} label={t(one.name)} values={`${one.width} / ${one.center}`} onPick={() => pick(one)} />
          ))}
          {own.map((one, at) => (
            <PresetLine
              key={at}
              testid={`preset-own-${at + 1}`}
              hotkey={presets.length === 0 && at < 9 ? String(at + 1) : ''}
              label={one.explanation ?? t('preset.own')}
              values={`${Math.round(one.width)} / ${Math.round(one.center)}`}
              onPick={() => pick(one)}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function PresetLine({ testid, hotkey, label, values, onPick }: { testid: string; hotkey: string; label: string; values?: string; onPick: () => void }): JSX.Element {
  return (
    <button type="button" class="menu-line" data-testid={testid} onClick={onPick}>
      <kbd>{hotkey}</kbd>
      <span>{label}</span>
      <span class="push dim">{values}</span>
    </button>
  );
}

function Cine({ viewer }: { viewer: Viewer }): JSX.Element | null {
  const { playback } = viewer;
  if ((viewer.stack?.frames.length ?? 0) < 2) return null;
  const playing = playback.playing.value;
  return (
    <>
      <Tool name="cine" icon={playing ? 'pause' : 'cine'} hotkey="C" word={playing ? 'tool.cine_stop' : 'tool.cine'} pressed={playing} onClick={() => playback.toggle()} />
      {playing && (
        <label class="cine-rate" data-tip={t('tool.rate')}>
          <input
            type="number"
            min="1"
            max="60"
            data-testid="cine-rate"
            aria-label={t('tool.rate')}
            value={Math.round(playback.rate.value)}
            onChange={(event) => playback.setRate(event.currentTarget.valueAsNumber || null)}
          />
          <span>fps</span>
        </label>
      )}
    </>
  );
}

function FidelitySwitch(): JSX.Element {
  const full = fidelity.value === 'full';
  return (
    <button type="button" class="tool wide" data-testid="fidelity" aria-pressed={full} data-tip={t(full ? 'tool.fidelity_full' : 'tool.fidelity_rendered')} onClick={() => chooseFidelity(full ? 'rendered' : 'full')}>
      <span>HD</span>
    </button>
  );
}
