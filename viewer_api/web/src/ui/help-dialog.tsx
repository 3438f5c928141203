import type { JSX } from 'preact';
import { t, type Word } from '../i18n';
import { Dialog } from './dialog';

type Line = [keys: string, word: Word];

const WORKLIST: Line[] = [
  ['j  ↓', 'help.down'],
  ['k  ↑', 'help.up'],
  ['Enter', 'help.open'],
  ['c', 'help.claim'],
  ['n', 'help.news'],
  ['/', 'help.search'],
  ['1 – 7', 'help.tabs'],
  ['?', 'help.help'],
];

const VIEWER: Line[] = [
  ['↑  ↓', 'help.slice'],
  ['Shift + ↑ ↓', 'help.slice10'],
  ['Home  End', 'help.ends'],
  ['PgUp  PgDn', 'help.series'],
  ['1 – 9', 'help.presets'],
  ['0', 'help.auto'],
  ['s  w  z  p', 'help.tools'],
  ['d  L', 'help.length'],
  ['Del', 'help.delete'],
  ['i', 'help.invert'],
  ['r  l', 'help.rotate'],
  ['h  v', 'help.flip'],
  ['+  −  =', 'help.zoom'],
  ['Space', 'help.reset'],
  ['c', 'help.cine'],
  ['o', 'help.overlay'],
  ['k', 'help.key'],
  ['f', 'help.fullscreen'],
  ['Esc', 'help.escape'],
  ['Enter', 'help.write'],
  ['Ctrl + S', 'help.save'],
  ['Ctrl + Enter', 'help.sign'],
  ['Alt + N', 'help.next'],
  ['?', 'help.help'],
];

const MOUSE: Line[] = [
  ['help.mouse.wheel', 'help.slice'],
  ['help.mouse.left', 'help.left_drag'],
  ['help.mouse.middle', 'help.pan'],
  ['help.mouse.right', 'help.zoom_drag'],
  ['help.mouse.ctrl_wheel', 'help.zoom_drag'],
  ['help.mouse.finger', 'help.slice'],
  ['help.mouse.pinch', 'help.zoom_pan'],
  ['help.mouse.three', 'help.window_drag'],
];

export function HelpDialog({ part, onClose }: { part: 'worklist' | 'viewer'; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t('help.title')} testid="help-dialog" onClose={onClose} wide={part === 'viewer'}>
      <div class="help-columns">
        <dl class="keys">
          {(part === 'viewer' ? VIEWER : WORKLIST).map(([keys, word]) => (
            <div key={word}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{t(word)}</dd>
            </div>
          ))}
        </dl>
        {part === 'viewer' && (
          <dl class="keys">
            {MOUSE.map(([gesture, word]) => (
              <div key={gesture}>
                <dt>{t(gesture as Word)}</dt>
                <dd>{t(word)}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </Dialog>
  );
}
