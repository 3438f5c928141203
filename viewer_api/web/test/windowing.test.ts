import { beforeEach, describe, expect, it } from 'vitest';
import type { DataSet } from '../src/viewer/dicom-json';
import { instanceOf } from '../src/viewer/instance';
import { Selection } from '../src/viewer/selection';
import { itemsOf, type Stack } from '../src/viewer/stack';
import { Windowing } from '../src/viewer/windowing';

const tag = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const valued = { center: 7, width: 70 };
let selection: Selection;
let windowing: Windowing;

beforeEach(() => {
  selection = new Selection();
  windowing = new Windowing(selection, () => valued);
});

function show(modality: string, dataset: DataSet = {}): void {
  const slices = Array.from({ length: 5 }, (_, at) =>
    instanceOf({ '00080060': tag('CS', modality), '00080018': tag('UI', `2.25.${at}`), '00200013': tag('IS', at + 1), '00280010': tag('US', 4), '00280011': tag('US', 4), ...dataset }),
  );
  const stack = itemsOf(slices)[0] as Stack;
  selection.open(stack);
  selection.shown.value = { frame: stack.frames[0] as Stack['frames'][0], at: 0, quality: 'full' };
}

const window = () => windowing.of(selection.shown.value!.frame);

describe('the window of a picture', () => {
  it('is the one chosen, else the one it brings, else the one of its values', () => {
    show('CT');
    expect(window()).toEqual(valued);
    show('CT', { '00281050': tag('DS', 50), '00281051': tag('DS', 350) });
    expect(window()).toMatchObject({ center: 50, width: 350 });
    windowing.choose({ center: 1, width: 2 });
    expect(window()).toEqual({ center: 1, width: 2 });
    windowing.reset();
    expect(window()).toMatchObject({ center: 50, width: 350 });
  });

  it('does not exist in colour, and cannot be chosen there', () => {
    show('US', { '00280002': tag('US', 3) });
    windowing.choose({ center: 1, width: 2 });
    expect([window(), windowing.chosen.value, windowing.dragStart()]).toEqual([null, null, null]);
  });

  it('comes by number key from the modality’s presets, else from the picture’s own windows', () => {
    const two = { '00281050': tag('DS', 50, 60), '00281051': tag('DS', 350, 360) };
    show('CT', two);
    windowing.preset(2);
    expect(windowing.chosen.value).toEqual({ center: -600, width: 1500 });
    show('MR', two);
    windowing.preset(2);
    expect(windowing.chosen.value).toEqual({ center: 60, width: 360 });
  });
});

describe('what is needed next', () => {
  it('lies ahead in the direction of scrolling', () => {
    show('CR');
    selection.ask(2, 1);
    expect(selection.nearest(3)).toEqual([2, 3, 1]);
    selection.ask(2, -1);
    expect(selection.nearest(3)).toEqual([2, 1, 3]);
  });
});
