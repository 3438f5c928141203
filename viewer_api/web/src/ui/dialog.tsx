import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from './icons';

interface DialogProps {
  title: string;
  testid: string;
  onClose?: (() => void) | undefined;
  wide?: boolean;
  children: ComponentChildren;
}

/** A modal dialog on the browser's own <dialog>: focus is kept inside and returned, Escape closes where closing is offered. */
export function Dialog({ title, testid, onClose, wide, children }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement as HTMLElement | null;
    if (dialog && !dialog.open) dialog.showModal();
    dialog?.querySelector<HTMLElement>('[autofocus]')?.focus();
    return () => {
      if (dialog?.open) dialog.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? 'dialog wide' : 'dialog'}
      data-testid={testid}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <header class="dialog-head">
        <h2>{title}</h2>
        {onClose && (
          <button type="button" class="quiet icon-button" data-testid={`${testid}-close`} aria-label={t('do.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}
