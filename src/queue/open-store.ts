import { UserError } from "../errors.ts";
import type { Store } from "./store.ts";

/**
 * Opens a store.
 *
 * @param url `redis://`, `rediss://` or `postgres://`
 * @throws UserError when the address is wrong (exit code 2), a package is missing, or the store refuses; never with the password
 */
export async function openStore(url: string): Promise<Store> {
  const address = parseAddress(url);
  switch (address.protocol) {
    case "redis:":
    case "rediss:":
      return (await import("./redis-store.ts")).openRedis(address);
    default:
      return (await import("./postgres-store.ts")).openPostgres(address);
  }
}

const PROTOCOLS = ["redis:", "rediss:", "postgres:", "postgresql:"];

/** @throws UserError (exit code 2) without what was typed, as it may hold a password */
function parseAddress(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && PROTOCOLS.includes(parsed.protocol) && parsed.hostname !== "") return parsed;
  const problem =
    parsed && !PROTOCOLS.includes(parsed.protocol) ? `begins with ${parsed.protocol}` : "is not an address with a host";
  throw new UserError(
    `the queue's address ${problem}; write redis://HOST:6379, rediss://USER:PASSWORD@HOST:6379 or postgres://USER:PASSWORD@HOST:5432/DATABASE (special characters of a password percent-encoded)`,
    { exitCode: 2 },
  );
}
