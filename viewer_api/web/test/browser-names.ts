// What a browser has and Node has not, as far as pure modules touch it when they are loaded.
const kept = new Map<string, string>();

Object.assign(globalThis, {
  localStorage: {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  },
});
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: { languages: ['en'] } });
if (!('document' in globalThis)) Object.assign(globalThis, { document: { documentElement: { lang: '' } } });
