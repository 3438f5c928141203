import { Enums, type Types } from '@cornerstonejs/core';
import { type Frame, isColour, planeOf, voiOf, type Window } from '../frame';
import type { Presentation } from '../full-surface';
import { matrixOf, type Matrix, toCanvas } from '../view-transform';
import { voiRange } from '../window';
import { cameraOf } from './camera';
import { Painter } from './painter';

/** Puts one frame of a stack viewport on the screen as a presentation says. */
export interface Drawing {
  draw(viewport: Types.IStackViewport, frame: Frame, image: Types.IImage, presentation: Presentation, window: Window | null): void;
}

function isInverted(frame: Frame, presentation: Presentation): boolean {
  const monochrome1 = frame.instance.dataset['00280004']?.Value?.[0] === 'MONOCHROME1';
  return monochrome1 !== presentation.invert;
}

/** By WebGL: our view becomes Cornerstone's camera, our window its colour transfer. */
export class HardwareDrawing implements Drawing {
  draw(viewport: Types.IStackViewport, frame: Frame, _image: Types.IImage, presentation: Presentation, window: Window | null): void {
    viewport.setCamera(cameraOf(planeOf(frame), presentation));
    const kind = voiOf(frame).function;
    const grey = window !== null && !isColour(frame.instance);
    viewport.setProperties({
      invert: isInverted(frame, presentation),
      ...(grey ? { voiRange: voiRange(window, kind === 'SIGMOID' ? 'LINEAR_EXACT' : kind) } : {}),
      ...(grey ? { VOILUTFunction: kind === 'SIGMOID' ? Enums.VOILUTFunctionType.SAMPLED_SIGMOID : Enums.VOILUTFunctionType.LINEAR } : {}),
    });
    viewport.render();
  }
}

/** What Cornerstone keeps of a viewport without WebGL; its tools work out places from these numbers. */
interface PlainElement {
  canvas: HTMLCanvasElement;
  viewport: {
    scale: number | [number, number];
    translation: { x: number; y: number };
    rotation: number;
    hflip: boolean;
    vflip: boolean;
    parallelScale?: number;
  };
}

/** By the processor, on a plain canvas: Cornerstone keeps the stack and the tools, our painter draws. */
export class PlainDrawing implements Drawing {
  private readonly painter = new Painter();

  draw(viewport: Types.IStackViewport, frame: Frame, image: Types.IImage, presentation: Presentation, window: Window | null): void {
    const element = (viewport as unknown as { _cpuFallbackEnabledElement: PlainElement })._cpuFallbackEnabledElement;
    const ratio = globalThis.devicePixelRatio || 1;
    const matrix = matrixOf(presentation.view, presentation.picture, presentation.canvas).map((one) => one * ratio) as unknown as Matrix;
    place(element, presentation, matrix);
    const painting = { image, window: window ?? { center: 128, width: 256 }, function: voiOf(frame).function, invert: isInverted(frame, presentation), matrix };
    // Cornerstone lets an image bring its own drawing.
    image.render = ({ canvas }) => canvas && this.painter.paint(canvas, painting);
    viewport.render();
  }
}

/** Cornerstone draws R S R' T R F (p - middle) + canvas middle; the translation T follows from where our matrix puts the picture's middle. */
function place(element: PlainElement, { view, picture }: Presentation, matrix: Matrix): void {
  const scale_x = Math.hypot(matrix[0], matrix[1]);
  const scale_y = Math.hypot(matrix[2], matrix[3]);
  const [x, y] = toCanvas(matrix, picture.columns / 2, picture.rows / 2);
  const offset = [x - element.canvas.width / 2, y - element.canvas.height / 2] as const;
  const angle = (view.rotation * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [u, v] = [(offset[0] * cos + offset[1] * sin) / scale_x, (offset[1] * cos - offset[0] * sin) / scale_y];
  Object.assign(element.viewport, {
    scale: [scale_x, scale_y],
    translation: { x: u * cos - v * sin, y: u * sin + v * cos },
    rotation: view.rotation,
    hflip: view.flip_horizontal,
    vflip: view.flip_vertical,
  });
}
