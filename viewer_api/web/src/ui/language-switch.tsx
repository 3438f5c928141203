import type { JSX } from 'preact';
import { language, setLanguage } from '../i18n';

export function LanguageSwitch(): JSX.Element {
  return (
    <div class="language-switch" role="group" aria-label="语言 Language">
      <button type="button" class="quiet" lang="zh-CN" data-testid="language-zh" aria-pressed={language.value === 'zh-CN'} onClick={() => setLanguage('zh-CN')}>
        中文
      </button>
      <button type="button" class="quiet" lang="en" data-testid="language-en" aria-pressed={language.value === 'en'} onClick={() => setLanguage('en')}>
        English
      </button>
    </div>
  );
}
