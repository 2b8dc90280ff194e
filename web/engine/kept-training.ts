import type { PixelNormalization } from "../../src/ops/normalize-pixels.ts";
import type { EpochResult, TrainingSnapshot } from "../../src/training/train.ts";
import type { FromTrainer, TestResult, TrainedFileBytes, TrainingOrder } from "./training-messages.ts";

/**
 * The training of this browser, as it is kept in its database (IndexedDB): after a reload it is resumed from its last epoch. There
 * is one, of the page that holds the lock; trainings of other pages are not kept.
 */
export interface KeptTraining {
  readonly order: TrainingOrder;
  /** Undefined before the first epoch. */
  readonly state: KeptState | undefined;
}

/** What is trained so far. */
export interface KeptState {
  readonly start: Extract<FromTrainer, { kind: "started" }>;
  /** Of the images, by which a resumed training knows them again. */
  readonly normalization: PixelNormalization;
  readonly epochs: readonly EpochResult[];
  /** To resume from; undefined once it is finished. */
  readonly snapshot?: TrainingSnapshot;
  readonly finished?: { readonly test: TestResult | undefined; readonly files: TrainedFileBytes };
}

const DATABASE = "tailor";
/** Incremented when what is kept can no longer be read by a newer page: it is then discarded. */
const VERSION = 1;
const STORE = "training";
const LOCK = "tailor-training";

/** The order is written once, as it may have many pictures; the state after each epoch. */
export function keepOrder(order: TrainingOrder): Promise<void> {
  return change((store) => {
    store.clear();
    store.put(order, "order");
  });
}

export function keepState(state: KeptState): Promise<void> {
  return change((store) => store.put(state, "state"));
}

export function discardKept(): Promise<void> {
  return change((store) => store.clear());
}

/** Undefined where nothing is kept. */
export async function readKept(): Promise<KeptTraining | undefined> {
  const database = await openDatabase();
  try {
    const store = database.transaction(STORE).objectStore(STORE);
    const [order, state] = await Promise.all([resultOf(store.get("order")), resultOf(store.get("state"))]);
    return order === undefined ? undefined : { order, state };
  } finally {
    database.close();
  }
}

/**
 * Takes the lock of the kept training until the page is closed.
 *
 * @returns whether this page has it; false where another page has, or the browser has no locks (they need HTTPS or this machine)
 */
export function takeLock(): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(false);
  return new Promise((resolve) => {
    const request = navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => {});
    });
    request.catch(() => resolve(false));
  });
}

async function change(work: (store: IDBObjectStore) => void): Promise<void> {
  const database = await openDatabase();
  try {
    const transaction = database.transaction(STORE, "readwrite");
    work(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser kept nothing"));
    });
  } finally {
    database.close();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    for (const name of request.result.objectStoreNames) request.result.deleteObjectStore(name);
    request.result.createObjectStore(STORE);
  };
  return resultOf(request);
}

function resultOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
