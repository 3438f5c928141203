import { annotation, Enums, LengthTool, ToolGroupManager } from '@cornerstonejs/tools';
import { calibrationOf } from '../calibration';
import { calibrationLabel } from '../calibration-label';
import { metadata } from './start';

const LINE = 'rgb(255, 213, 100)';
const CHOSEN = 'rgb(150, 205, 255)';

/** Legible over black and over bone: yellow on a dark ground. */
function styleMeasurements(): void {
  const style = annotation.config.style.getDefaultToolStyles();
  annotation.config.style.setDefaultToolStyles({
    ...style,
    global: {
      ...style.global,
      color: LINE,
      colorHighlighted: CHOSEN,
      colorSelected: CHOSEN,
      lineWidth: '1.5',
      textBoxColor: LINE,
      textBoxColorHighlighted: CHOSEN,
      textBoxColorSelected: CHOSEN,
      textBoxBackground: 'rgba(0, 0, 0, 0.6)',
      textBoxBorderRadius: 3,
      textBoxMargin: 2,
      textBoxFontFamily: 'system-ui, sans-serif',
      textBoxFontSize: '13px',
    },
  });
}

/** The length tool on one viewport, each length labelled with where its millimetres come from. */
export class Measurements {
  private readonly group;
  private readonly groupId: string;

  constructor(
    private readonly host: HTMLElement,
    engineId: string,
    viewportId: string,
  ) {
    styleMeasurements();
    this.groupId = `tools-${engineId}`;
    const group = ToolGroupManager.createToolGroup(this.groupId);
    if (!group) throw new Error('The tool group exists already.');
    this.group = group;
    group.addTool(LengthTool.toolName, { getTextLines: lengthLines });
    group.addViewport(viewportId, engineId);
    group.setToolEnabled(LengthTool.toolName);
  }

  use(active: boolean): void {
    if (active) this.group.setToolActive(LengthTool.toolName, { bindings: [{ mouseButton: Enums.MouseBindings.Primary }] });
    else this.group.setToolEnabled(LengthTool.toolName);
  }

  deleteLast(): void {
    const chosen = annotation.selection.getAnnotationsSelectedByToolName(LengthTool.toolName)[0];
    const all = annotation.state.getAnnotations(LengthTool.toolName, this.host as HTMLDivElement);
    const uid = chosen ?? all?.at(-1)?.annotationUID;
    if (uid) annotation.state.removeAnnotation(uid);
  }

  destroy(): void {
    ToolGroupManager.destroyToolGroup(this.groupId);
    annotation.state.removeAllAnnotations();
  }
}

interface LengthData {
  cachedStats?: Record<string, { length?: number; unit?: string } | undefined>;
}

function lengthLines(data: LengthData, targetId: string): string[] | undefined {
  const stats = data.cachedStats?.[targetId];
  if (!stats || stats.length === undefined || stats.length === null) return undefined;
  const frame = metadata.frame(targetId.replace(/^imageId:/, ''));
  const source = frame ? calibrationOf(frame).source : 'NONE';
  const unit = source === 'NONE' ? 'px' : 'mm';
  return [`${stats.length.toFixed(1)} ${unit}`, calibrationLabel(source)];
}
