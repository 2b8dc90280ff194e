// Shared by every test file; matchers are declared in `vitest.d.ts` style beside their definition in `test/support`.
import fc from "fast-check";
import { afterAll } from "vitest";
import { killStarted } from "./cli/support/tailor.ts";
import "./support/matchers.ts";

afterAll(killStarted);

// Properties are asked with the same examples in every run, so a change is judged by the change alone.
// PROPERTY_SEED=n asks others: `for n in $(seq 20); do PROPERTY_SEED=$n npx vitest run test/imaging; done`.
fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });
