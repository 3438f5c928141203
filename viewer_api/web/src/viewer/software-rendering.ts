/** Whether WebGL would be worked out by the processor (or not at all); drawing pixels ourselves is then several times faster. */
export function lacksGraphicsHardware(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  if (!context) return true;
  const info = context.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}
