// Puts the weights that the report uses beside this file, then removes the packages they came in:
// the typesetter looks through every folder below, and would find the other weights too.
import { copyFileSync, rmSync } from "node:fs";

const packages = { "noto-sans-sc": "NotoSansSC", "noto-sans-arabic": "NotoSansArabic", "noto-sans": "NotoSans" };
const here = new URL("./", import.meta.url);

for (const [name, file] of Object.entries(packages)) {
  for (const weight of ["400Regular", "700Bold"]) {
    const from = `node_modules/@expo-google-fonts/${name}/${weight}/${file}_${weight}.ttf`;
    copyFileSync(new URL(from, here), new URL(`${file}_${weight}.ttf`, here));
  }
}
rmSync(new URL("node_modules", here), { recursive: true });
