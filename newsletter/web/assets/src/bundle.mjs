// `make assets`: the writing page's script in one file, and beside it the licence of every package that is in it.

import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const [, , source, made] = process.argv;
const { metafile } = await build({
  entryPoints: [source],
  outfile: made,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  metafile: true,
});
const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const licences = [...packages].sort().map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`);
writeFileSync(made.replace(/[^/]+$/, "LICENSES.txt"), licences.join("\n\n---\n\n"));
