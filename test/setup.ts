// Shared by every test file; matchers are declared in `vitest.d.ts` style beside their definition in `test/support`.
import "./support/matchers.ts";
