import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkedOutCommit } from "../../src/runs/node/environment.ts";
import { temporaryFolder } from "./support/helpers.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);

/** A folder with the given files. */
function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const packed = `# pack-refs with: peeled fully-peeled sorted \n${B} refs/heads/main\n${A} refs/tags/v1\n^${B}\n`;

describe("checkedOutCommit", () => {
  test.each<[string, Record<string, string>, string | null]>([
    ["a branch with a file", { ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": `${A}\n` }, A],
    ["a branch in folders", { ".git/HEAD": "ref: refs/heads/a/b\n", ".git/refs/heads/a/b": `${A}\n` }, A],
    ["a packed branch", { ".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": packed }, B],
    [
      "the file before the pack",
      { ".git/HEAD": "ref: refs/heads/main", ".git/refs/heads/main": A, ".git/packed-refs": packed },
      A,
    ],
    ["no branch", { ".git/HEAD": `${A}\n` }, A],
    ["SHA-256", { ".git/HEAD": "c".repeat(64) }, "c".repeat(64)],
    [
      "a chain",
      { ".git/HEAD": "ref: refs/heads/x", ".git/refs/heads/x": "ref: refs/heads/y", ".git/refs/heads/y": A },
      A,
    ],
    ["a chain without end", { ".git/HEAD": "ref: refs/heads/x", ".git/refs/heads/x": "ref: refs/heads/x" }, null],
    ["no commit yet", { ".git/HEAD": "ref: refs/heads/main\n" }, null],
    ["a branch that only begins alike", { ".git/HEAD": "ref: refs/heads/mai\n", ".git/packed-refs": packed }, null],
    [
      "references in another form",
      { ".git/HEAD": "ref: refs/heads/.invalid\n", ".git/reftable/tables.list": "x" },
      null,
    ],
    ["a damaged HEAD", { ".git/HEAD": "nonsense" }, null],
    ["an empty .git", { ".git/config": "" }, null],
    ["no .git", { "package.json": "{}" }, null],
    [
      "a linked work tree",
      {
        ".git": "gitdir: main/.git/worktrees/w\n",
        "main/.git/worktrees/w/HEAD": "ref: refs/heads/main\n",
        "main/.git/worktrees/w/commondir": "../..\n",
        "main/.git/HEAD": "ref: refs/heads/other\n",
        "main/.git/refs/heads/main": `${A}\n`,
        "main/.git/refs/heads/other": `${B}\n`,
      },
      A,
    ],
  ])("%s", (_, files, commit) => {
    expect(checkedOutCommit(folderWith(files))).toBe(commit);
  });

  test("a folder inside somebody else's checkout is not their commit", () => {
    const folder = folderWith({ ".git/HEAD": A, "node_modules/tailor/package.json": "{}" });
    expect(checkedOutCommit(join(folder, "node_modules/tailor"))).toBeNull();
  });

  test("git itself says the same: branch, packed, detached, work tree", (context) => {
    if (spawnSync("git", ["--version"]).status !== 0) {
      expect(process.env.REQUIRE_PEERS, "git is required").not.toBe("1");
      context.skip("needs the Debian package git");
    }
    const folder = temporaryFolder();
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
      }).trim();
    git("init", "--quiet");
    expect(checkedOutCommit(folder)).toBeNull();
    git("commit", "--quiet", "--allow-empty", "--message", "one");
    const first = git("rev-parse", "HEAD");
    expect(checkedOutCommit(folder)).toBe(first);
    git("worktree", "add", "--quiet", "-b", "side", "linked");
    git("pack-refs", "--all");
    rmSync(join(folder, ".git/refs/heads"), { recursive: true });
    expect(checkedOutCommit(folder)).toBe(first);
    expect(checkedOutCommit(join(folder, "linked"))).toBe(first);
    mkdirSync(join(folder, ".git/refs/heads"), { recursive: true });
    git("commit", "--quiet", "--allow-empty", "--message", "two");
    expect(checkedOutCommit(folder)).toBe(git("rev-parse", "HEAD"));
    expect(checkedOutCommit(join(folder, "linked"))).toBe(first);
    git("checkout", "--quiet", "--detach", first);
    expect(checkedOutCommit(folder)).toBe(first);
  });
});
