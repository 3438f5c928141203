import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { named, t } from '../i18n';
import { roleLabel } from '../i18n/labels';
import { Icon } from '../ui/icons';
import { LanguageSwitch } from '../ui/language-switch';
import { signOut, user } from './session';

export function UserMenu(): JSX.Element | null {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const me = user.value;
  if (!me) return null;
  return (
    <div
      class="user-menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && open) {
          event.stopPropagation();
          setOpen(false);
        }
      }}
    >
      <button type="button" class="quiet" data-testid="user-menu" aria-expanded={open} aria-haspopup="true" onClick={() => setOpen(!open)}>
        <Icon name="user" />
        <span class="user-name">{named(me.name, me.name_zh)}</span>
      </button>
      {open && (
        <div class="menu" data-testid="user-menu-list">
          <p class="menu-title">
            {named(me.name, me.name_zh)} <span class="dim">{me.username}</span>
          </p>
          <ul class="menu-roles">
            {me.roles.map((one) => (
              <li key={`${one.site}/${one.role}`}>
                {named(one.site_name, one.site_name_zh)} · {roleLabel(one.role)}
              </li>
            ))}
          </ul>
          <LanguageSwitch />
          <button type="button" data-testid="signout" onClick={() => void signOut()}>
            {t('signin.leave')}
          </button>
        </div>
      )}
    </div>
  );
}
