export type ViewerAction =
  | { do: 'preset'; key: number }
  | { do: 'scroll'; by: number }
  | { do: 'series'; by: number }
  | { do: 'rotate'; degrees: number }
  | { do: 'zoom'; factor: number }
  | { do: 'tool'; tool: Tool }
  | { do: 'auto' | 'first' | 'last' | 'invert' | 'flip-h' | 'flip-v' | 'reset' | 'fit' | 'cine' | 'overlay' | 'key-image' | 'fullscreen' | 'delete' | 'escape' | 'help' };

export type Tool = 'scroll' | 'window' | 'zoom' | 'pan' | 'length';

export interface Key {
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  isComposing: boolean;
}

const PLAIN: Record<string, ViewerAction> = {
  Digit0: { do: 'auto' },
  Numpad0: { do: 'auto' },
  KeyS: { do: 'tool', tool: 'scroll' },
  KeyW: { do: 'tool', tool: 'window' },
  KeyZ: { do: 'tool', tool: 'zoom' },
  KeyP: { do: 'tool', tool: 'pan' },
  KeyD: { do: 'tool', tool: 'length' },
  KeyI: { do: 'invert' },
  KeyR: { do: 'rotate', degrees: 90 },
  KeyL: { do: 'rotate', degrees: -90 },
  KeyH: { do: 'flip-h' },
  KeyV: { do: 'flip-v' },
  KeyC: { do: 'cine' },
  KeyO: { do: 'overlay' },
  KeyK: { do: 'key-image' },
  KeyF: { do: 'fullscreen' },
  Space: { do: 'reset' },
  Equal: { do: 'fit' },
  NumpadAdd: { do: 'zoom', factor: 1.25 },
  Minus: { do: 'zoom', factor: 0.8 },
  NumpadSubtract: { do: 'zoom', factor: 0.8 },
  ArrowUp: { do: 'scroll', by: -1 },
  ArrowDown: { do: 'scroll', by: 1 },
  Home: { do: 'first' },
  End: { do: 'last' },
  PageUp: { do: 'series', by: -1 },
  PageDown: { do: 'series', by: 1 },
  Delete: { do: 'delete' },
  Backspace: { do: 'delete' },
  Escape: { do: 'escape' },
};

const SHIFTED: Record<string, ViewerAction> = {
  ArrowUp: { do: 'scroll', by: -10 },
  ArrowDown: { do: 'scroll', by: 10 },
  Equal: { do: 'zoom', factor: 1.25 },
  KeyL: { do: 'tool', tool: 'length' },
  Slash: { do: 'help' },
};

/** What a key means over the images. Keys are read by their place on the board (`code`), so a Chinese input method changes nothing. */
export function viewerAction(key: Key): ViewerAction | null {
  if (key.ctrlKey || key.altKey || key.metaKey || key.isComposing) return null;
  if (key.shiftKey) return SHIFTED[key.code] ?? null;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(key.code);
  if (digit) return { do: 'preset', key: Number(digit[1]) };
  return PLAIN[key.code] ?? null;
}
