import type { JSX } from 'preact';
import type { Positivity, ReportContent } from '../api/types';
import { t } from '../i18n';
import { positivityLabel } from '../i18n/labels';
import type { Case } from '../reading/case';
import { openKeyImage } from '../viewer/key-image';
import type { Autosave } from './autosave';
import { missing, TEXT_FIELDS, type TextField } from './content';
import { KeyImages } from './key-images';

const ROWS: Record<TextField, number> = { clinical_info: 2, technique: 1, comparison: 1, findings: 8, impression: 4, recommendation: 1 };

/** The report's fields. Everything typed goes to the autosave; nothing here waits for the server. */
export function Editor({ file, draft }: { file: Case; draft: Autosave }): JSX.Element {
  const { content } = draft.state.value;
  const lacking = file.writing.showMissing.value ? missing(content) : [];
  const change = (part: Partial<ReportContent>): void => draft.edit({ ...draft.state.value.content, ...part });
  return (
    <form class="editor" data-testid="editor" onSubmit={(event) => event.preventDefault()} onFocusOut={() => void draft.flush()}>
      {TEXT_FIELDS.map((field) => (
        <TextArea key={field} field={field} value={content[field]} missing={lacking.includes(field as 'findings')} onText={(text) => change({ [field]: text })} />
      ))}
      <PositivityChoice value={content.positivity} missing={lacking.includes('positivity')} onValue={(positivity) => change({ positivity })} />
      <section class="field">
        <span class="field-label">
          {t('field.key_images')} <kbd>K</kbd>
        </span>
        <KeyImages place={file.place} images={content.key_images} onOpen={(image) => void openKeyImage(file.viewer, image)} onChange={(key_images) => change({ key_images })} />
      </section>
    </form>
  );
}

interface TextAreaProps {
  field: TextField;
  value: string;
  missing: boolean;
  onText: (text: string) => void;
}

function TextArea({ field, value, missing: lacking, onText }: TextAreaProps): JSX.Element {
  const required = field === 'findings' || field === 'impression';
  return (
    <label class={`field ${lacking ? 'missing' : ''}`}>
      <span class="field-label">
        {t(`field.${field}`)}
        {required && <span class="required"> *</span>}
        {lacking && <span class="field-error">{t('field.needed')}</span>}
      </span>
      <textarea
        name={field}
        data-testid={`field-${field}`}
        rows={ROWS[field]}
        style={{ '--rows': ROWS[field] }}
        aria-required={required}
        aria-invalid={lacking}
        spellcheck={false}
        value={value}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </label>
  );
}

const CHOICES: Positivity[] = ['POSITIVE', 'NEGATIVE'];

function PositivityChoice({ value, missing: lacking, onValue }: { value: Positivity | null; missing: boolean; onValue: (value: Positivity) => void }): JSX.Element {
  return (
    <fieldset class={`field positivity ${lacking ? 'missing' : ''}`}>
      <legend class="field-label">
        {t('field.positivity')}
        <span class="required"> *</span>
        {lacking && <span class="field-error">{t('field.needed')}</span>}
      </legend>
      <div class="choices">
        {CHOICES.map((one) => (
          <label key={one} class="choice">
            <input type="radio" name="positivity" data-testid={`positivity-${one}`} checked={value === one} onChange={() => onValue(one)} />
            <span>{positivityLabel(one)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
