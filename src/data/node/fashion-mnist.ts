import { join, resolve } from "node:path";
import { FASHION_MNIST } from "../fashion-mnist.ts";
import type { DataPackage } from "./apt.ts";
import { aptSource } from "./apt.ts";
import { defaultCacheFolder } from "./cache.ts";
import type { DataSource, LoadedData, Report } from "./chain.ts";
import { describeData, loadFromChain } from "./chain.ts";
import { readDataFolder } from "./folder.ts";
import { httpsSource } from "./https.ts";

const DEBIAN_PACKAGE: DataPackage = {
  name: "dataset-fashion-mnist",
  folder: "/usr/share/datasets/fashion-mnist",
  megabytes: 31,
};

/**
 * The mirrors of the data set's README. The S3 address there is the bucket's web site, which has no HTTPS; this is the
 * same bucket.
 */
const MIRRORS = [
  "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
  "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
];

/**
 * Loads Fashion-MNIST: 60,000 images to train and 10,000 to test.
 *
 * If `folder` is given, only that is read, and it may contain other data of the same format. Otherwise the first of
 * these with the published files: the cache, the installed Debian package, that package downloaded with apt-get, the
 * official mirrors. Downloads are kept in the cache.
 *
 * @param options where to load from
 * @param options.folder with the four IDX files, each uncompressed or with the ending ".gz"
 * @param options.cacheFolder tailor's cache; Fashion-MNIST has its own folder in it
 * @param options.report receives a line about any download, and one about the source and the size of the data
 * @throws UserError naming the wrong file, or every source that was tried, and what to do
 */
export async function loadFashionMnist({
  folder,
  cacheFolder = defaultCacheFolder(),
  report = () => {},
}: {
  folder?: string | undefined;
  cacheFolder?: string | undefined;
  report?: Report | undefined;
} = {}): Promise<LoadedData> {
  if (folder !== undefined) return loadFolder(resolve(folder), report);
  return loadFromChain(FASHION_MNIST, fashionMnistSources(cacheFolder), { cacheFolder, report });
}

/** The sources of Fashion-MNIST, in the order in which they are tried. */
export function fashionMnistSources(cacheFolder: string): DataSource[] {
  const cached = join(cacheFolder, FASHION_MNIST.folder);
  return [
    { kind: "cache", title: `the cache, ${cached}`, folder: cached },
    {
      kind: "debian",
      title: `Debian's ${DEBIAN_PACKAGE.name}, ${DEBIAN_PACKAGE.folder}`,
      folder: DEBIAN_PACKAGE.folder,
    },
    aptSource(FASHION_MNIST, DEBIAN_PACKAGE),
    ...MIRRORS.map((mirror) => httpsSource(FASHION_MNIST, mirror)),
  ];
}

async function loadFolder(folder: string, report: Report): Promise<LoadedData> {
  const { different, ...read } = await readDataFolder(FASHION_MNIST, folder);
  const verified = different.length === 0;
  const title = verified ? FASHION_MNIST.title : `Other data in the form of ${FASHION_MNIST.title}`;
  const remark = verified
    ? ""
    : `; ${different.join(", ")} differ from the published files, so classes are called 0 to 9`;
  report(`${describeData(title, read)} from ${folder}${remark}`);
  return { ...read, source: "folder", folder, verified };
}
