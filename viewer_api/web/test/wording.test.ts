import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { setLanguage } from '../src/i18n';
import { en } from '../src/i18n/en';
import { countdown, dicomAge, dicomDate, dicomTime, modalities, personName, personNames } from '../src/i18n/format';
import { stateLabel } from '../src/i18n/labels';
import { zhCN } from '../src/i18n/zh-CN';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((one) => /\.tsx?$/.test(one) && !one.startsWith(join('i18n', 'en')) && !one.startsWith(join('i18n', 'zh')))
  .map((one) => readFileSync(join('src', one), 'utf8'))
  .join('\n');

/** Words that are put together in code: `state.${…}`. */
const PREFIXES = [...sources.matchAll(/`([a-z_.]+)\.\$\{/g)].map((found) => `${found[1]}.`).concat([...sources.matchAll(/coded\('(\w+)'/g)].map((found) => `${found[1]}.`));

describe('the two dictionaries', () => {
  it('have the same words', () => {
    expect(Object.keys(zhCN).sort()).toEqual(Object.keys(en).sort());
  });

  it('fill in the same values', () => {
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((found) => found[0]).sort();
    for (const [word, text] of Object.entries(en)) expect(places(zhCN[word as keyof typeof en]), word).toEqual(places(text));
  });

  it('leave nothing empty and nothing unused', () => {
    const unused = Object.keys(en).filter((word) => !sources.includes(`'${word}'`) && !PREFIXES.some((prefix) => word.startsWith(prefix)) && !/^conflict\.[A-Z]/.test(word));
    expect(unused).toEqual([]);
    for (const text of [...Object.values(en), ...Object.values(zhCN)]) expect(text.trim()).not.toBe('');
  });

  it('say the states as reading rooms do', () => {
    setLanguage('zh-CN');
    expect((['QUEUED', 'READING', 'AWAITING_REVIEW', 'REVIEWING', 'REPORTED', 'RETURNED', 'CANCELLED'] as const).map(stateLabel)).toEqual(['待报告', '报告中', '待审核', '审核中', '已审核', '已退回', '已撤回']);
  });
});

describe('dates, ages and names', () => {
  it('keep what is no DICOM date as it came', () => {
    expect(dicomDate('20261122')).toBe('2026-11-22');
    expect(dicomDate('2026.11')).toBe('2026.11');
    expect(dicomTime('140305.12')).toBe('14:03');
    setLanguage('en');
    expect(dicomAge('064Y')).toBe('64 y');
  });

  it('put the script of the page first and no name twice', () => {
    const name = { alphabetic: 'Wang^XiaoDong', ideographic: '王^小东', phonetic: '' };
    setLanguage('zh-CN');
    expect(personNames(name)).toEqual(['王小东', 'Wang XiaoDong']);
    setLanguage('en');
    expect(personNames(name)).toEqual(['Wang XiaoDong', '王小东']);
    expect(personName({ alphabetic: '', ideographic: '' })).toBe('(no name)');
  });

  it('count down to the hour, then past it', () => {
    const at = Date.parse('2026-11-22T12:00:00Z');
    expect(countdown('2026-11-22T13:30:00Z', '2026-11-22T11:30:00Z', at)).toEqual({ text: '1:30', overdue: false, close: false });
    expect(countdown('2026-11-22T12:20:00Z', '2026-11-22T10:00:00Z', at)).toMatchObject({ text: '0:20', close: true });
    expect(countdown('2026-11-22T11:55:00Z', null, at)).toMatchObject({ text: '−0:05', overdue: true });
    expect(countdown(null, null, at)).toBeNull();
  });

  it('name the modalities that made pictures', () => {
    expect(modalities(['CT', 'SR', 'DOC'])).toBe('CT');
    expect(modalities(['SR'])).toBe('SR');
  });
});
