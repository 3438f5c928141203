/*
 * Cornerstone's metadata package parses DICOM with dcmjs, a quarter of a megabyte even compressed. Farlight answers Cornerstone's metadata
 * questions itself (../metadata.ts), so that parser never runs; this stands in its place with the names the package touches when loaded.
 */
import log from 'loglevel';

// Cornerstone notes a good deal on the console of a reading room; only errors are worth it.
log.setDefaultLevel('error');

export { log };

export const constants = {
  IMPLICIT_LITTLE_ENDIAN: '1.2.840.10008.1.2',
  EXPLICIT_LITTLE_ENDIAN: '1.2.840.10008.1.2.1',
  DEFLATED_EXPLICIT_LITTLE_ENDIAN: '1.2.840.10008.1.2.1.99',
  EXPLICIT_BIG_ENDIAN: '1.2.840.10008.1.2.2',
};

/** Whatever looks like a DICOM keyword is known; none is ever looked up in a data set. */
const keyword = { configurable: true, enumerable: true, value: { tag: '(0000,0000)' } };
const isKeyword = (name: string | symbol): boolean => typeof name === 'string' && /^[A-Z]/.test(name);
const nameMap = new Proxy({} as Record<string, { tag: string }>, {
  get: (_, name) => (isKeyword(name) ? keyword.value : undefined),
  getOwnPropertyDescriptor: (_, name) => (isKeyword(name) ? keyword : undefined),
});

class NotHere {
  constructor() {
    throw new Error('Farlight does not parse DICOM files in the browser.');
  }
}

export default {
  log,
  constants,
  async: { AsyncDicomReader: NotHere },
  data: { DicomMetaDictionary: { dictionary: {}, nameMap } },
  utilities: { DicomMetadataListener: NotHere },
};
