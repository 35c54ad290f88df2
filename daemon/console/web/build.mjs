// Bundles the console and writes it as C will embed it: `node build.mjs OUT [HEADER]`.
//
// OUT gets index.html, the bundles under names that carry a hash of their content (so that a browser
// may keep them for good), and each of them gzipped; HEADER one ASSET() line per file for
// daemon/console/assets.c. The same sources give the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "out");
const header = process.argv[3];
const types = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const bundle = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", style: "src/style.css" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2020", "chrome100", "firefox100", "safari15"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  charset: "utf8",
  outdir: "out",
  write: false,
});

const files = new Map();
const hashed = (name, bytes) => {
  const at = name.lastIndexOf(".");
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  return `${name.slice(0, at)}-${hash}${name.slice(at)}`;
};

let page = readFileSync(join(here, "src/index.html"), "utf8");
const icon = readFileSync(join(here, "src/icon.svg"));
const embedded = [
  ...bundle.outputFiles.map((f) => [f.path.split(/[\\/]/).pop(), Buffer.from(f.contents)]),
  ["icon.svg", icon],
];
for (const [name, bytes] of embedded) {
  const kept = hashed(name, bytes);
  if (!page.includes(name)) throw new Error(`index.html does not name ${name}`);
  page = page.replaceAll(name, kept);
  files.set(kept, bytes);
}
files.set("index.html", Buffer.from(page));

const lines = [];
let gzipped = 0;
for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const packed = gzipSync(bytes, { level: 9 });
  gzipped += packed.length;
  writeFileSync(join(out, name), bytes);
  writeFileSync(join(out, `${name}.gz`), packed);
  const kind = types[name.split(".").pop()];
  const tag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  lines.push(`ASSET(a${lines.length}, "${name}", "${kind}", "${tag}", "${resolve(out, name)}")\n`);
}
if (header) {
  mkdirSync(dirname(header), { recursive: true });
  writeFileSync(header, lines.join(""));
}
console.log(`console: ${files.size} files, ${(gzipped / 1024).toFixed(1)} KiB gzipped`);
