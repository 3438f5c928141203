import { isTyping } from '../worklist/keys';
import { type ViewerAction, viewerAction } from './hotkeys';
import { toggleFullscreen } from './screen';
import type { Viewer } from './viewer';

export interface PageActions {
  keyImage: () => void;
  help: () => void;
  escape: () => void;
}

/** Keys reach the viewer from anywhere on the page, except while text is typed or a dialog is open. */
export function followKeys(viewer: Viewer, page: PageActions): () => void {
  const pressed = (event: KeyboardEvent): void => {
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const action = viewerAction(event);
    if (!action) return;
    if (event.code === 'Space' && (event.target as Element | null)?.closest?.('button,a,[role=separator]')) return;
    event.preventDefault();
    perform(viewer, action, page);
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}

function perform(viewer: Viewer, action: ViewerAction, page: PageActions): void {
  switch (action.do) {
    case 'preset':
      return viewer.windowing.preset(action.key);
    case 'auto':
      return viewer.windowing.choose(null);
    case 'scroll':
      viewer.playback.stop();
      return viewer.scroll(action.by);
    case 'first':
      return viewer.goTo(0);
    case 'last':
      return viewer.goTo(Number.MAX_SAFE_INTEGER);
    case 'series':
      return viewer.selectSeries(action.by > 0 ? 1 : -1);
    case 'rotate':
      return viewer.view.rotate(action.degrees);
    case 'zoom':
      return viewer.view.zoomBy(action.factor);
    case 'tool':
      return viewer.setTool(action.tool);
    case 'invert':
      viewer.windowing.toggleInvert();
      return;
    case 'flip-h':
      return viewer.view.flip('horizontal');
    case 'flip-v':
      return viewer.view.flip('vertical');
    case 'reset':
      return viewer.reset();
    case 'fit':
      return viewer.view.fit();
    case 'cine':
      return viewer.playback.toggle();
    case 'overlay':
      viewer.overlay.value = !viewer.overlay.value;
      return;
    case 'delete':
      return viewer.full.deleteMeasurement();
    case 'fullscreen':
      return toggleFullscreen();
    case 'key-image':
      return page.keyImage();
    case 'help':
      return page.help();
    case 'escape':
      viewer.playback.stop();
      viewer.setTool('scroll');
      return page.escape();
  }
}
