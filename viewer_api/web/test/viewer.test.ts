import { describe, expect, it } from 'vitest';
import { calibrationOf } from '../src/viewer/calibration';
import { greyOf } from '../src/viewer/cornerstone/grey-table';
import type { DataSet } from '../src/viewer/dicom-json';
import { type Frame, frameOf, framesOf, planeOf, voiOf } from '../src/viewer/frame';
import { FrameQueue, nearestFirst, plan } from '../src/viewer/frame-queue';
import { viewerAction } from '../src/viewer/hotkeys';
import { instanceOf, kindOf } from '../src/viewer/instance';
import { directionLetters, edgeLetters, edgeLettersOfText } from '../src/viewer/orientation';
import { runs } from '../src/viewer/scrollbar';
import { firstIndex, frameRate, itemsOf, type Stack } from '../src/viewer/stack';
import { flippedHorizontally, matrixOf, panned, toCanvas, toPicture, turned, upright, zoomed } from '../src/viewer/view-transform';
import { voiRange } from '../src/viewer/window';

const tag = (vr: string, ...Value: unknown[]) => ({ vr, Value });

function frame(dataset: DataSet, number = 1): Frame {
  return frameOf(instanceOf({ '00280010': tag('US', 100), '00280011': tag('US', 200), ...dataset }), number);
}

describe('millimetres come from', () => {
  const spacing = { '00280030': tag('DS', 0.5, 0.4) };
  const imager = { '00181164': tag('DS', 0.2, 0.2) };
  it.each([
    ['pixel spacing first', { ...spacing }, { row_mm: 0.5, column_mm: 0.4, source: 'PIXEL_SPACING' }],
    ['pixel spacing other than the detector’s: calibrated', { ...spacing, ...imager }, { row_mm: 0.5, column_mm: 0.4, source: 'CALIBRATED' }],
    ['pixel spacing that repeats the detector’s', { '00280030': tag('DS', 0.2, 0.2), ...imager }, { row_mm: 0.2, column_mm: 0.2, source: 'DETECTOR' }],
    ['the detector and the magnification', { ...imager, '00181114': tag('DS', 2) }, { row_mm: 0.1, column_mm: 0.1, source: 'MAGNIFICATION' }],
    ['the detector and the distances', { ...imager, '00181110': tag('DS', 1000), '00181111': tag('DS', 500) }, { row_mm: 0.1, column_mm: 0.1, source: 'MAGNIFICATION' }],
    ['the detector alone', { ...imager }, { row_mm: 0.2, column_mm: 0.2, source: 'DETECTOR' }],
    ['the film scanner', { '00182010': tag('DS', 0.1, 0.1) }, { row_mm: 0.1, column_mm: 0.1, source: 'SCANNER' }],
    ['nothing', {}, { row_mm: 1, column_mm: 1, source: 'NONE' }],
  ] as [string, DataSet, object][])('%s', (_, dataset, expected) => {
    expect(calibrationOf(frame(dataset))).toEqual(expected);
  });

  it('an ultrasound region in centimetres around the middle', () => {
    const region = {
      '00186018': tag('UL', 0), '0018601A': tag('UL', 0), '0018601C': tag('UL', 199), '0018601E': tag('UL', 99),
      '00186024': tag('US', 3), '00186026': tag('US', 3), '0018602C': tag('FD', 0.02), '0018602E': tag('FD', -0.03),
    };
    expect(calibrationOf(frame({ '00186011': tag('SQ', region) }))).toEqual({ row_mm: 0.3, column_mm: 0.2, source: 'REGION' });
  });
});

describe('multi-frame functional groups', () => {
  const dataset: DataSet = {
    '00280008': tag('IS', 2),
    '52009229': tag('SQ', { '00209116': tag('SQ', { '00200037': tag('DS', 1, 0, 0, 0, 1, 0) }) }),
    '52009230': tag(
      'SQ',
      { '00209113': tag('SQ', { '00200032': tag('DS', 0, 0, 5) }), '00289132': tag('SQ', { '00281050': tag('DS', 10), '00281051': tag('DS', 20) }) },
      { '00209113': tag('SQ', { '00200032': tag('DS', 0, 0, 6) }), '00289132': tag('SQ', { '00281050': tag('DS', 30), '00281051': tag('DS', 40) }) },
    ),
  };
  it('give each frame its own place and window, and all the shared orientation', () => {
    const [one, two] = framesOf(frame(dataset).instance);
    expect(planeOf(one as Frame).position).toEqual([0, 0, 5]);
    expect(planeOf(two as Frame)).toMatchObject({ position: [0, 0, 6], row: [1, 0, 0], located: true });
    expect(voiOf(two as Frame).windows).toEqual([{ center: 30, width: 40, explanation: null }]);
  });
});

describe('stacks', () => {
  const slice = (n: number, more: DataSet = {}) =>
    instanceOf({ '0020000E': tag('UI', '1'), '00080018': tag('UI', `1.${n}`), '00200013': tag('IS', n), '00080060': tag('CS', 'CT'), '00280010': tag('US', 4), '00280011': tag('US', 4), ...more });

  it('order single pictures by number, keep loops apart, and list documents', () => {
    const loop = slice(9, { '00280008': tag('IS', 3), '00181063': tag('DS', 40) });
    const pdf = instanceOf({ '0020000E': tag('UI', '1'), '00080018': tag('UI', '1.99'), '00080016': tag('UI', '1.2.840.10008.5.1.4.1.1.104.1') });
    const items = itemsOf([slice(3), slice(1), loop, pdf, slice(2)]);
    expect(items.map((one) => one.kind)).toEqual(['stack', 'stack', 'pdf']);
    expect((items[0] as Stack).frames.map((one) => one.instance.instance_number)).toEqual([1, 2, 3]);
    expect((items[1] as Stack).frame_rate).toBe(25);
  });

  it('order by place where numbers repeat', () => {
    const at = (n: number, z: number) => slice(0, { '00080018': tag('UI', `1.${n}`), '00200032': tag('DS', 0, 0, z), '00200037': tag('DS', 1, 0, 0, 0, 1, 0) });
    const [stack] = itemsOf([at(1, 30), at(2, 10), at(3, 20)]);
    expect((stack as Stack).frames.map((one) => planeOf(one).position[2])).toEqual([10, 20, 30]);
  });

  it('open a volume in its middle and a loop at its start', () => {
    const located = { '00200032': tag('DS', 0, 0, 0), '00200037': tag('DS', 1, 0, 0, 0, 1, 0) };
    const [volume] = itemsOf(Array.from({ length: 9 }, (_, n) => slice(n, located)));
    expect(firstIndex(volume as Stack)).toBe(4);
    const [loop] = itemsOf([slice(1, { '00280008': tag('IS', 30) })]);
    expect(firstIndex(loop as Stack)).toBe(0);
  });

  it('take the rate from the frame time vector where there is no frame time', () => {
    expect(frameRate(slice(1, { '00181065': tag('DS', 0, 100, 100) }))).toBe(10);
    expect(frameRate(slice(1))).toBeNull();
  });

  it('know what is no picture', () => {
    expect(kindOf(slice(1))).toBe('image');
    expect(kindOf(instanceOf({ '00080016': tag('UI', '1.2.840.10008.5.1.4.1.1.88.11') }))).toBe('sr');
    expect(kindOf(instanceOf({ '00080016': tag('UI', '1.2.840.10008.5.1.4.1.1.104.2') }))).toBe('other');
  });
});

describe('the view', () => {
  const picture = { columns: 200, rows: 100, column_spacing: 0.5, row_spacing: 1 };
  const canvas = { width: 300, height: 200 };
  const close = (a: readonly number[], b: readonly number[]) => a.forEach((one, at) => expect(one).toBeCloseTo(b[at] as number, 6));

  it('fits oblong pixels with their true shape', () => {
    const matrix = matrixOf(upright, picture, canvas);
    close(toCanvas(matrix, 0, 0), [50, 0]);
    close(toCanvas(matrix, 200, 100), [250, 200]);
  });

  it('turns clockwise: the upper left corner goes to the upper right', () => {
    const matrix = matrixOf(turned(upright, 90), picture, canvas);
    const [x, y] = toCanvas(matrix, 0, 0);
    expect(x).toBeGreaterThan(150);
    expect(y).toBeLessThan(100);
  });

  it('mirrors as seen on the screen even when turned', () => {
    const turnedView = turned(upright, 90);
    const before = toCanvas(matrixOf(turnedView, picture, canvas), 10, 20);
    const mirrored = toCanvas(matrixOf(flippedHorizontally(turnedView), picture, canvas), 10, 20);
    close(mirrored, [canvas.width - before[0], before[1]]);
  });

  it('zooms about the point under the hand', () => {
    const view = turned(flippedHorizontally(upright), 270);
    const under = toPicture(matrixOf(view, picture, canvas), 80, 60);
    const larger = zoomed(view, picture, canvas, 2.5, 80, 60);
    close(toCanvas(matrixOf(larger, picture, canvas), ...under), [80, 60]);
  });

  it('moves by what the hand moves', () => {
    const view = turned(upright, 90);
    const before = toCanvas(matrixOf(view, picture, canvas), 30, 40);
    const after = toCanvas(matrixOf(panned(view, picture, canvas, 12, -7), picture, canvas), 30, 40);
    close(after, [before[0] + 12, before[1] - 7]);
  });
});

describe('orientation letters', () => {
  const axial = { position: [0, 0, 0], row: [1, 0, 0], column: [0, 1, 0], located: true } as const;
  it('name the direction, oblique ones with two', () => {
    expect(directionLetters([1, 0, 0])).toBe('L');
    expect(directionLetters([-0.8, 0.6, 0])).toBe('RP');
  });
  it('stand at the right edges of an axial slice, also turned and mirrored', () => {
    const plane = { ...axial, position: [...axial.position], row: [...axial.row], column: [...axial.column] } as Parameters<typeof edgeLetters>[0];
    expect(edgeLetters(plane, upright)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    expect(edgeLetters(plane, turned(upright, 90))).toEqual({ left: 'P', right: 'A', top: 'R', bottom: 'L' });
    expect(edgeLetters(plane, flippedHorizontally(upright))).toEqual({ left: 'L', right: 'R', top: 'A', bottom: 'P' });
  });
  it('come from Patient Orientation for projections', () => {
    expect(edgeLettersOfText(['L', 'F'], upright)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
    expect(edgeLettersOfText(['L', 'F'], turned(upright, 90))).toEqual({ left: 'F', right: 'H', top: 'R', bottom: 'L' });
  });
});

describe('windows', () => {
  it('follow PS3.3 C.11.2.1.2.1: the example with center 2048 and width 4096', () => {
    expect(voiRange({ center: 2048, width: 4096 }, 'LINEAR')).toEqual({ lower: 0, upper: 4095 });
    expect(greyOf(0, { center: 2048, width: 4096 }, 'LINEAR')).toBe(0);
    expect(greyOf(4095, { center: 2048, width: 4096 }, 'LINEAR')).toBe(255);
  });
  it('LINEAR_EXACT and SIGMOID follow theirs', () => {
    expect(greyOf(10, { center: 10, width: 20 }, 'LINEAR_EXACT')).toBe(127.5);
    expect(greyOf(10, { center: 10, width: 20 }, 'SIGMOID')).toBe(127.5);
    expect(greyOf(20, { center: 10, width: 20 }, 'SIGMOID')).toBeCloseTo(255 / (1 + Math.exp(-2)), 9);
  });
  it('of width 1 are a threshold', () => {
    expect([99, 100].map((one) => greyOf(one, { center: 100, width: 1 }, 'LINEAR'))).toEqual([0, 255]);
  });
});

describe('loading frames', () => {
  it('goes outward from the picture looked at, ahead first', () => {
    expect(nearestFirst(5, 10, 1, 5)).toEqual([5, 6, 4, 7, 3]);
    expect(nearestFirst(0, 3, -1, 9)).toEqual([0, 1, 2]);
  });

  it('gives the picture looked at a slot, taking it from the farthest', () => {
    expect(plan([50, 51, 49, 90], () => false, new Set([51, 90]), 2)).toEqual({ start: [50], abort: [90] });
  });

  it('gives up what is no longer wanted', () => {
    expect(plan([1, 2], () => false, new Set([7]), 2)).toEqual({ start: [1, 2], abort: [7] });
  });

  it('runs few at a time, skips what failed, and stops', async () => {
    const loaded = new Set<number>();
    let most = 0;
    let running = 0;
    const queue = new FrameQueue(
      3,
      (at) => loaded.has(at),
      async (at) => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        if (at === 2) throw new Error('cannot be decoded');
        loaded.add(at);
      },
      () => undefined,
    );
    queue.want([0, 1, 2, 3, 4, 5]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([...loaded].sort()).toEqual([0, 1, 3, 4, 5]);
    expect(queue.hasFailed(2)).toBe(true);
    expect(most).toBe(3);
  });
});

describe('viewer keys', () => {
  const key = (code: string, more = {}) => viewerAction({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false, ...more });
  it('do what the table says', () => {
    expect(key('Digit2')).toEqual({ do: 'preset', key: 2 });
    expect(key('ArrowDown', { shiftKey: true })).toEqual({ do: 'scroll', by: 10 });
    expect(key('KeyL')).toEqual({ do: 'rotate', degrees: -90 });
    expect(key('KeyL', { shiftKey: true })).toEqual({ do: 'tool', tool: 'length' });
  });
  it('stay out of the way of the browser and of input methods', () => {
    expect(key('KeyR', { ctrlKey: true })).toBeNull();
    expect(key('KeyK', { isComposing: true })).toBeNull();
  });
});

describe('the loaded mask', () => {
  it('draws neighbours as one', () => {
    expect(runs(new Set([0, 1, 4]), 6)).toBe('M0 0h1v2h-1ZM0 4h1v1h-1Z');
  });
});
