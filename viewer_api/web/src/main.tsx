import { render } from 'preact';
import { App } from './app';
import { language, setLanguage } from './i18n';
import { resumeSession } from './session/session';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/worklist.css';
import './styles/request.css';
import './styles/links.css';

setLanguage(language.value);
const root = document.getElementById('app');
if (root) render(<App />, root);
void resumeSession();
