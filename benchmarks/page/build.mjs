// Builds the reference page as it would ship: one minified production script and one style sheet. Prints their bytes.
import { statSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: { reactflow: "src/main.jsx" },
  outdir: "build",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});
const bytes = (name) => statSync(`build/${name}`).size;
process.stdout.write(JSON.stringify({ js: bytes("reactflow.js"), css: bytes("reactflow.css") }));
