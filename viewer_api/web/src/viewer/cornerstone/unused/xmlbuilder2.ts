/* VTK's XML file reader comes along with its polygon mappers; Farlight reads no such file, so its XML builder is left out. */
export function create(): never {
  throw new Error('Farlight reads no VTK XML files.');
}
