// Bundles the page into ../lfwidget/static/ and the fold, for the parity tests, into build/. Every byte of the page is
// stored with every widget that a notebook saves, so its size is a gate.
import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { minify } from "terser";
import { forEsbuild } from "./icons.mjs";

const LIMIT = 48 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../lfwidget/static");

const page = {
  absWorkingDir: here,
  entryPoints: { widget: "src/widget.ts" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  // Each of these nests CSS and mixes colours itself.
  target: ["es2022", "chrome120", "firefox121", "safari17.4"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  plugins: [forEsbuild],
};

const fold = {
  absWorkingDir: here,
  entryPoints: { fold: "src/fold_cli.ts" },
  outdir: join(here, "build"),
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "warning",
};

const dev = {
  absWorkingDir: here,
  entryPoints: { dev: "dev/main.ts" },
  outdir: join(here, "build"),
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["*/widget.js"],
  logLevel: "warning",
};

// Unsafe only for code that replaces built-in methods, or that has functions (not methods) that know `this`.
const COMPRESS = { passes: 3, unsafe: true, unsafe_arrows: true, hoist_funs: true, pure_getters: true };

// Names of properties that only objects of ours have: none of them is in an event, a message, a trait or the DOM.
const OURS = /^(element|graphVersion|firstToken|fitted|connection|centre|settle|clock|shape|group)$/;

/** What esbuild leaves: terser folds what is used once, 3 % in all. */
async function squeeze() {
  const path = join(out, "widget.js");
  const { code } = await minify(await readFile(path, "utf8"), {
    module: true,
    ecma: 2020,
    compress: COMPRESS,
    mangle: { properties: { regex: OURS } },
  });
  await writeFile(path, code);
}

/** Custom properties are inherited from the page, so ours need a prefix; they are short since each byte is stored. */
async function prefix() {
  const path = join(out, "widget.css");
  const css = await readFile(path, "utf8");
  const names = new Map();
  const short = (name) => names.get(name) ?? names.set(name, `--l${names.size.toString(36)}`).get(name);
  const renamed = css.replace(/--(?!jp-|vscode-)[a-z][\w-]*/g, short);
  await writeFile(path, renamed.replace(/, /g, ",").replace(/(--\w+): /g, "$1:"));
}

async function measure() {
  const sizes = await Promise.all(["widget.js", "widget.css"].map(async (name) => (await stat(join(out, name))).size));
  const total = sizes[0] + sizes[1];
  console.log(`widget.js ${sizes[0]} + widget.css ${sizes[1]} = ${total} of ${LIMIT} bytes`);
  return total;
}

async function largest(metafile) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const rows = inputs.map(([path, { bytesInOutput }]) => [bytesInOutput, path]).sort((a, b) => b[0] - a[0]);
  for (const [bytes, path] of rows.slice(0, 40)) {
    console.log(String(bytes).padStart(7), path);
  }
}

if (process.argv.includes("--watch")) {
  for (const options of [page, fold, dev]) {
    await (await esbuild.context({ ...options, logLevel: "info" })).watch();
  }
} else {
  const [{ metafile }] = await Promise.all([esbuild.build(page), esbuild.build(fold), esbuild.build(dev)]);
  await Promise.all([squeeze(), prefix()]);
  if (process.argv.includes("--sizes")) {
    await largest(metafile);
  }
  if ((await measure()) > LIMIT) {
    console.error(`The page is over its budget of ${LIMIT} bytes: node build.mjs --sizes lists what takes the room.`);
    process.exitCode = 1;
  }
}
