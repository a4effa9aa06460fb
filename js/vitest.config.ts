import { defineConfig } from "vitest/config";
import { forVite } from "./icons.mjs";

export default defineConfig({
  plugins: [forVite],
  test: { include: ["test/**/*.test.ts"], testTimeout: 20_000 },
});
