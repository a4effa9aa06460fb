// Bundles the page into ../lfwidget/static/ and the fold, for the parity tests, into build/. Every byte of the page is
// stored with every widget that a notebook saves, so its size is a gate.
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { minify } from "terser";
import { forEsbuild } from "./icons.mjs";

/** Bytes: what each live widget stores and sends, and what each record stores (compressed, in base 85). */
const WIDGET_LIMIT = 48 * 1024;
const RECORD_LIMIT = 27 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../lfwidget/static");

const page = {
  absWorkingDir: here,
  entryPoints: { widget: "src/widget.ts", record: "src/record.ts" },
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
};
page.plugins = [forEsbuild, { name: "style", setup: inlineStyles }];

const loader = {
  ...page,
  entryPoints: { loader: "src/loader.ts" },
  format: "iife",
  metafile: false,
};

/** The page of a gateway. It loads the widget as it is, and no notebook stores it: it has no budget. */
const live = {
  ...page,
  entryPoints: { live: "src/live/live.ts" },
  external: ["*/widget.js"],
  metafile: false,
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
const COMPRESS = {
  passes: 10,
  unsafe: true,
  unsafe_math: true,
  unsafe_arrows: true,
  hoist_funs: true,
  pure_getters: true,
  lhs_constants: false,
};

// Names of properties that only objects of ours have: none of them is in an event, a message, a trait, between the
// widget and the player, an attribute, or a key that is looked up by a string; nor do we use the objects of the DOM that have it.
const OURS = `
  advance apply ask asked asking attach bar began calls canvas centre chunks clock connection controls count cover
  current def draw edge element ended epoch extras feed firstToken fitted folded follow forget goal going graphVersion
  group hasCard health hear inner isToken item items latest lines listen logs lose mark newest notes open opened
  origin outer pace passed pending press refuse replies retime retracted reveal runId said scale seek settle shape
  shorten shown since spans speaking speed startedAt state tail tell thought times touched visible whole wind write
  written zoom
`;
const IS_OURS = new RegExp(`^(${OURS.trim().split(/\s+/).join("|")})$`);

/** What esbuild leaves: terser folds what is used once, 3 % in all. */
async function squeeze(name) {
  const path = join(out, name);
  const { code } = await minify(await readFile(path, "utf8"), {
    module: true,
    ecma: 2020,
    compress: COMPRESS,
    // `builtins`: some of our names are also names in the DOM, of objects that are not used here.
    mangle: { properties: { regex: IS_OURS, builtins: true } },
  });
  await writeFile(path, code);
}

/** Custom properties are inherited from the page, so ours need a prefix; they are short since each byte is stored.
 * `--type` is also set from TypeScript, which needs a name that stays. */
const short = new Map([["--type", "--lT"]]);
function prefixed(css) {
  const rename = (name) => short.get(name) ?? short.set(name, `--l${short.size.toString(36)}`).get(name);
  return css
    .replace(/--(?!jp-|vscode-)[a-z][\w-]*/g, rename)
    .replace(/, /g, ",")
    .replace(/(--\w+): /g, "$1:");
}

// Named in the order of the files, whichever is read first: the same sources make the same bundles, to the byte.
const STYLES = join(here, "src/css");
for (const name of (await readdir(STYLES)).sort()) {
  prefixed(await readFile(join(STYLES, name), "utf8"));
}

/** Style sheets as text, for the record: `import css from "./base.css?text"`. */
function inlineStyles(build) {
  build.onResolve({ filter: /\.css\?text$/ }, ({ path, resolveDir }) => ({
    path: join(resolveDir, path.replace("?text", "")),
    namespace: "style",
  }));
  build.onLoad({ filter: /.*/, namespace: "style" }, async ({ path }) => {
    const css = await readFile(path, "utf8");
    const { code } = await esbuild.transform(css, {
      loader: "css",
      minify: true,
      target: page.target,
      charset: "utf8",
    });
    return { contents: prefixed(code.trim()), loader: "text" };
  });
}

async function measure() {
  const [js, css] = await Promise.all(
    ["widget.js", "widget.css"].map(async (name) => (await stat(join(out, name))).size),
  );
  const code = await readFile(join(out, "record.js"));
  const stored = Math.ceil((gzipSync(code, { level: 9, memLevel: 6 }).length / 4) * 5);
  console.log(`widget.js ${js} + widget.css ${css} = ${js + css} of ${WIDGET_LIMIT} bytes`);
  console.log(`record.js ${code.length}, stored as ${stored} of ${RECORD_LIMIT} bytes`);
  return js + css <= WIDGET_LIMIT && stored <= RECORD_LIMIT;
}

async function largest(metafile) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const rows = inputs.map(([path, { bytesInOutput }]) => [bytesInOutput, path]).sort((a, b) => b[0] - a[0]);
  for (const [bytes, path] of rows.slice(0, 40)) {
    console.log(String(bytes).padStart(7), path);
  }
}

if (process.argv.includes("--watch")) {
  for (const options of [page, loader, live, fold, dev]) {
    await (await esbuild.context({ ...options, logLevel: "info" })).watch();
  }
} else {
  const [{ metafile }] = await Promise.all([page, loader, live, fold, dev].map((options) => esbuild.build(options)));
  await Promise.all(["widget.js", "record.js", "loader.js"].map(squeeze));
  const style = join(out, "widget.css");
  await writeFile(style, prefixed(await readFile(style, "utf8")));
  if (process.argv.includes("--sizes")) {
    await largest(metafile);
  }
  if (!(await measure())) {
    console.error("The page is over its budget: node build.mjs --sizes lists what takes the room.");
    process.exitCode = 1;
  }
}
