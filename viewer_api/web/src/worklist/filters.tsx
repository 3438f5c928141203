import type { JSX, RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RequestFilter } from '../api/requests';
import type { Priority } from '../api/types';
import { named, t } from '../i18n';
import { priorityLabel } from '../i18n/labels';
import { isReader } from '../session/session';
import { Icon } from '../ui/icons';
import { metModalities, metSites } from './list';

const PRIORITIES: Priority[] = ['EMERGENCY', 'URGENT', 'ROUTINE'];
const TYPING_PAUSE_MS = 250;

interface FiltersProps {
  filter: RequestFilter;
  search: RefObject<HTMLInputElement | null>;
  onChange: (filter: RequestFilter) => void;
}

export function Filters({ filter, search, onChange }: FiltersProps): JSX.Element {
  const change = (part: Partial<RequestFilter>): void => onChange({ ...filter, ...part });
  return (
    <div class="filters" role="search">
      <SearchBox text={filter.text ?? ''} input={search} onText={(text) => change({ text })} />
      {(isReader.value || metSites.value.size > 1) && (
        <Choice
          testid="filter-site"
          label={t('list.hospital')}
          value={filter.site ?? ''}
          options={[...metSites.value].map(([site, one]) => [site, named(one.name, one.name_zh)])}
          onValue={(site) => change({ site })}
        />
      )}
      <Choice
        testid="filter-modality"
        label={t('list.modality')}
        value={filter.modality ?? ''}
        options={[...metModalities.value].sort().map((one) => [one, one])}
        onValue={(modality) => change({ modality })}
      />
      <Choice
        testid="filter-priority"
        label={t('list.priority')}
        value={filter.priority ?? ''}
        options={PRIORITIES.map((one) => [one, priorityLabel(one)])}
        onValue={(priority) => change({ priority })}
      />
      {(filter.text || filter.site || filter.modality || filter.priority) && (
        <button type="button" class="quiet" data-testid="filter-clear" onClick={() => onChange({ view: filter.view })}>
          {t('list.clear')}
        </button>
      )}
    </div>
  );
}

function SearchBox({ text, input, onText }: { text: string; input: RefObject<HTMLInputElement | null>; onText: (text: string) => void }): JSX.Element {
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    if (typed === text) return;
    const timer = window.setTimeout(() => onText(typed), TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [typed]);
  return (
    <label class="search-box">
      <Icon name="search" size={16} />
      <span class="sr">{t('list.search')}</span>
      <input
        ref={input}
        type="search"
        data-testid="search"
        placeholder={t('list.search')}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' || (event.key === 'Enter' && !event.isComposing)) event.currentTarget.blur();
        }}
      />
    </label>
  );
}

interface ChoiceProps {
  testid: string;
  label: string;
  value: string;
  options: [value: string, label: string][];
  onValue: (value: string) => void;
}

function Choice({ testid, label, value, options, onValue }: ChoiceProps): JSX.Element {
  const known = value === '' || options.some(([one]) => one === value) ? options : [...options, [value, value] as [string, string]];
  return (
    <select data-testid={testid} aria-label={label} class={value ? 'chosen' : ''} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
      <option value="">{label}</option>
      {known.map(([one, name]) => (
        <option key={one} value={one}>
          {name}
        </option>
      ))}
    </select>
  );
}
