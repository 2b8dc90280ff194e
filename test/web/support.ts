/** The built page in real Chromium, on a real server. */
import { encode } from "fast-png";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";

export interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors, warnings and violations of the Content-Security-Policy that the browser reported. */
  readonly complaints: readonly string[];
  /** Every requested URL. */
  readonly addresses: readonly string[];
}

/** Opens an address; the browser is closed after the test. */
export async function openPage(
  url: string,
  { args = [], ...options }: BrowserContextOptions & { args?: readonly string[] } = {},
): Promise<OpenedPage> {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...args],
  });
  onTestFinished(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  // Half of a test's timeout, so that the error says what was waited for.
  page.setDefaultTimeout(15 * 60_000);
  const complaints: string[] = [];
  const addresses: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  context.on("request", (request) => addresses.push(request.url()));
  await page.goto(url);
  return { page, context, complaints, addresses };
}

/** A garment's shape on white, as a PNG file. */
export function picture(): Uint8Array {
  const data = Uint8Array.from({ length: 120 * 90 }, (_, i) => {
    const [row, column] = [Math.floor(i / 90), i % 90];
    return row > 20 && row < 100 && column > 30 && column < 62 ? 40 + row : 255;
  });
  return encode({ data, width: 90, height: 120, channels: 1, depth: 8 });
}
