import { relative, sep } from "node:path";
import { UserError } from "../../errors.ts";
import { count } from "../../text.ts";
import { PARTS, type Part } from "../picture-split.ts";
import { type ListedPictures, PART_FOLDERS } from "./class-folders.ts";
import { MAX_CLASSES } from "./class-names.ts";
import type { CustomDataOptions } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";
import { filesIn } from "./picture-files.ts";

/** Maximum number of examples to name. */
const MAX_NAMED = 3;

/**
 * Lists the pictures of a folder and its subfolders, with the class in each file's name: what the only group of
 * `labelFrom` matches, in NFC. If the folder has a folder train, all pictures must be in it or in val or test, which are the parts.
 *
 * @throws UserError when the expression is none or has not one group, a name does not match, a class is only tested or
 *   there are fewer than two
 */
export function listByName({ folder, file, path }: DataPlace, { labelFrom }: CustomDataOptions): ListedPictures {
  const pattern = patternOf(labelFrom!);
  if (file)
    throw new UserError((w) => `${path} is a file; ${w.option("labelFrom")} is for a folder or an archive of pictures`);
  const within = (found: string) => relative(folder, found).replaceAll(sep, "/") + (found.endsWith("/") ? "/" : "");
  const { pictures, others } = filesIn(folder);
  if (pictures.length === 0)
    throw new UserError((w) => `${path} holds no pictures, which ${w.option("labelFrom")} is for`);
  const files = pictures.map(within);
  const isParted = files.some((name) => partOf(name) === "train");
  const found = files.map((name) => ({
    file: name,
    part: isParted ? partOf(name) : ("train" as const),
    className: pattern.exec(name.slice(name.lastIndexOf("/") + 1).normalize("NFC"))?.[1] ?? "",
  }));
  const unmatched = found.filter(({ className }) => className === "").map((picture) => picture.file);
  if (unmatched.length > 0) {
    throw new UserError(
      (w) =>
        `the names of ${count(unmatched.length)} of ${count(files.length)} pictures in ${path} give no class by ${w.option("labelFrom", labelFrom!)}, such as ${unmatched.slice(0, MAX_NAMED).join(", ")}; change the expression, or move these away`,
    );
  }
  const apart = found.find(({ part }) => part === undefined);
  if (apart) throw new UserError(`${path} has train and besides it ${apart.file}; put it into train, val or test`);
  const listed = found as readonly { file: string; part: Part; className: string }[];
  const trained = listed.filter(({ part }) => part === "train");
  const classNames = [...new Set(trained.map(({ className }) => className))].sort();
  const strange = listed.find(({ className }) => !classNames.includes(className));
  if (strange)
    throw new UserError(
      `${path}: no picture to train has the class ${strange.className} of ${strange.file}: what is tested must be trained`,
    );
  if (classNames.length < 2)
    throw new UserError(`${path} has one class only, ${classNames[0]}: there is nothing to tell apart`);
  if (classNames.length > MAX_CLASSES) {
    throw new UserError(
      (w) =>
        `${path} has ${count(classNames.length)} classes by ${w.option("labelFrom", labelFrom!)}, such as ${classNames.slice(0, MAX_NAMED).join(", ")}; at most ${MAX_CLASSES} are possible: let the group match less`,
    );
  }
  return {
    classNames,
    pictures: listed.map(({ className, ...picture }) => ({ ...picture, label: classNames.indexOf(className) })),
    parts: isParted ? PARTS.filter((part) => listed.some((picture) => picture.part === part)) : [],
    others: others.map(within),
  };
}

/** The part of a picture by the outermost folder of its path. */
function partOf(file: string): Part | undefined {
  const top = file.includes("/") ? file.slice(0, file.indexOf("/")).toLowerCase() : "";
  return PARTS.find((part) => PART_FOLDERS[part].includes(top));
}

function patternOf(text: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(text, "u");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError((w) => `${w.option("labelFrom", text)} is not a regular expression (${reason})`, {
      exitCode: 2,
      cause,
    });
  }
  // An alternative that matches nothing shows how many groups there are.
  const groups = new RegExp(`${text}|`, "u").exec("")!.length - 1;
  if (groups === 1) return pattern;
  throw new UserError(
    (w) =>
      `${w.option("labelFrom", text)} has ${groups} groups in parentheses; needed is one, around the class: ^(.+?)_[0-9]+. Others are written (?:...)`,
    { exitCode: 2 },
  );
}
