import { describe, expect, it } from 'vitest';
import { emptyContent, joined, missing } from '../src/report/content';
import { after, dueIn, opened } from '../src/report/draft-state';

const draft = { version: 3, content: emptyContent, saved_at: null, saved_by: null };
const typed = (findings: string) => ({ ...emptyContent, findings });

describe('a draft while it is typed', () => {
  it('is sent two seconds after typing stops', () => {
    const state = after(opened(draft), { kind: 'edited', content: typed('a'), at: 1000 });
    expect(dueIn(state, 1000)).toBe(2000);
    expect(dueIn(state, 2900)).toBe(100);
  });

  it('is sent after fifteen seconds though typing goes on', () => {
    let state = opened(draft);
    for (let at = 0; at <= 14_500; at += 500) state = after(state, { kind: 'edited', content: typed(`a${at}`), at });
    expect(dueIn(state, 14_500)).toBe(500);
  });

  it('is dirty again when it was edited during the save, with the newer version as its base', () => {
    let state = after(opened(draft), { kind: 'edited', content: typed('a'), at: 0 });
    state = after(state, { kind: 'sending' });
    state = after(state, { kind: 'edited', content: typed('ab'), at: 2100 });
    state = after(state, { kind: 'stored', version: 4, saved_at: 'then' });
    expect(state).toMatchObject({ status: 'dirty', base: 4, content: typed('ab') });
  });

  it('is tried again, later and later, and keeps its text', () => {
    let state = after(opened(draft), { kind: 'edited', content: typed('a'), at: 0 });
    const waits = [];
    for (let at = 0; at < 6; at++) {
      state = after(after(state, { kind: 'sending' }), { kind: 'failed', at: 0 });
      waits.push(dueIn(state, 0));
    }
    expect(waits).toEqual([2000, 5000, 10_000, 20_000, 30_000, 30_000]);
    expect(state.content).toEqual(typed('a'));
  });

  it('sends nothing in a conflict until a text is chosen', () => {
    let state = after(opened(draft), { kind: 'edited', content: typed('mine'), at: 0 });
    state = after(state, { kind: 'conflict', theirs: { ...draft, version: 9, content: typed('theirs') } });
    expect(dueIn(state, 99_999)).toBeNull();
    expect(after(state, { kind: 'chosen', content: typed('mine'), at: 5 })).toMatchObject({ status: 'dirty', base: 9, content: typed('mine') });
    expect(after(state, { kind: 'chosen', content: typed('theirs'), at: 5 })).toMatchObject({ status: 'saved', base: 9 });
  });

  it('sends nothing after the claim is lost, and keeps what is typed', () => {
    const state = after(after(opened(draft), { kind: 'edited', content: typed('mine'), at: 0 }), { kind: 'lost' });
    expect(dueIn(state, 99_999)).toBeNull();
    expect(after(state, { kind: 'edited', content: typed('more'), at: 1 })).toMatchObject({ status: 'lost', content: typed('more') });
  });
});

describe('report content', () => {
  it('names what submitting needs, in the order of the form', () => {
    expect(missing(emptyContent)).toEqual(['findings', 'impression', 'positivity']);
    expect(missing({ ...typed('x'), impression: ' ', positivity: 'NEGATIVE' })).toEqual(['impression']);
  });

  it('joins two texts without losing a word of either', () => {
    const both = joined({ ...typed('mine'), impression: 'same' }, { ...typed('theirs'), impression: 'same', technique: 'plain' });
    expect(both.findings).toContain('mine');
    expect(both.findings).toContain('theirs');
    expect(both.impression).toBe('same');
    expect(both.technique).toBe('plain');
  });
});
