import type { JSX } from 'preact';
import { t } from '../i18n';
import { dicomDate, dicomTime, number as formatted, personNames } from '../i18n/format';
import { calibrationOf } from './calibration';
import { calibrationLabel } from './calibration-label';
import { name, number, numbers, text, texts } from './dicom-json';
import { type Frame, isColour, planeOf, rescaleOf } from './frame';
import { edgeLetters, edgeLettersOfText } from './orientation';
import { lossyRatio } from './lossy';
import type { Viewer } from './viewer';

/** Four corners of text over the picture, and the patient's direction at its edges. */
export function Overlay({ viewer }: { viewer: Viewer }): JSX.Element | null {
  const shown = viewer.shown.value;
  if (!shown || !viewer.overlay.value) return null;
  return (
    <div class="overlay" aria-hidden="true" data-testid="overlay">
      <TopLeft frame={shown.frame} />
      <TopRight frame={shown.frame} />
      <BottomLeft viewer={viewer} frame={shown.frame} at={shown.at} />
      <BottomRight frame={shown.frame} />
      <Edges viewer={viewer} frame={shown.frame} />
    </div>
  );
}

function Lines({ corner, lines }: { corner: string; lines: (string | null | undefined | false)[] }): JSX.Element {
  return (
    <div class={`corner ${corner}`}>
      {lines.filter(Boolean).map((line, at) => (
        <div key={at}>{line}</div>
      ))}
    </div>
  );
}

function TopLeft({ frame }: { frame: Frame }): JSX.Element {
  const dataset = frame.instance.dataset;
  const [first, second] = personNames(name(dataset, '00100010'));
  return (
    <Lines
      corner="top-left"
      lines={[
        first,
        second,
        text(dataset, '00100020'),
        [dicomDate(text(dataset, '00100030')), text(dataset, '00100040')].filter(Boolean).join('  '),
      ]}
    />
  );
}

function TopRight({ frame }: { frame: Frame }): JSX.Element {
  const dataset = frame.instance.dataset;
  return (
    <Lines
      corner="top-right"
      lines={[
        text(dataset, '00080080'),
        text(dataset, '00081030'),
        text(dataset, '00080050'),
        `${dicomDate(text(dataset, '00080022') ?? text(dataset, '00080020'))} ${dicomTime(text(dataset, '00080032') ?? text(dataset, '00080030'))}`.trim(),
      ]}
    />
  );
}

function BottomLeft({ viewer, frame, at }: { viewer: Viewer; frame: Frame; at: number }): JSX.Element {
  const view = viewer.view.transform.value;
  const window = viewer.windowing.of(frame);
  const count = viewer.stack?.frames.length ?? 1;
  return (
    <Lines
      corner="bottom-left"
      lines={[
        isColour(frame.instance) ? null : window ? `W ${round(window.width)}  L ${round(window.center)}` : t('viewer.window_auto'),
        `${t('viewer.zoom_short')} ${Math.round(view.zoom * 100)}%${view.rotation ? `  ${view.rotation}°` : ''}${view.flip_horizontal || view.flip_vertical ? '  ⇋' : ''}`,
        `${formatted(at + 1)} / ${formatted(count)}`,
        lossyRatio(frame),
      ]}
    />
  );
}

function BottomRight({ frame }: { frame: Frame }): JSX.Element {
  const dataset = frame.instance.dataset;
  const thickness = number(dataset, '00180050');
  const location = number(dataset, '00201041') ?? (planeOf(frame).located ? planeOf(frame).position[2] : null);
  const laterality = text(dataset, '00200062') ?? text(dataset, '00200060');
  return (
    <Lines
      corner="bottom-right"
      lines={[
        `${t('viewer.series_short')} ${text(dataset, '00200011') ?? '–'}  ${text(dataset, '00080060') ?? ''}`,
        text(dataset, '0008103E'),
        [laterality, text(dataset, '00185101')].filter(Boolean).join(' '),
        text(dataset, '00180010') && `C ${text(dataset, '00180010')}`,
        [thickness !== null && `T ${round(thickness)} mm`, location !== null && `P ${round(location)} mm`].filter(Boolean).join('  '),
        [numbers(dataset, '00180060')[0] && `${numbers(dataset, '00180060')[0]} kV`, rescaleOf(frame).type].filter(Boolean).join('  '),
        calibrationLabel(calibrationOf(frame).source),
      ]}
    />
  );
}

function Edges({ viewer, frame }: { viewer: Viewer; frame: Frame }): JSX.Element | null {
  const letters = edgeLetters(planeOf(frame), viewer.view.transform.value) ?? edgeLettersOfText(texts(frame.instance.dataset, '00200020'), viewer.view.transform.value);
  if (!letters) return null;
  return (
    <>
      <span class="edge top">{letters.top}</span>
      <span class="edge bottom">{letters.bottom}</span>
      <span class="edge left">{letters.left}</span>
      <span class="edge right">{letters.right}</span>
    </>
  );
}

function round(value: number): string {
  return String(Math.abs(value) < 10 ? Math.round(value * 100) / 100 : Math.round(value));
}
