/** The part of browsers' WebGPU that finds a device, declared here as programs without the DOM's types import this too. */

export interface GpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

export interface GpuDeviceHandle extends EventTarget {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

export interface GpuAdapterHandle {
  readonly info: GpuInfo;
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  requestDevice(wanted: {
    readonly requiredFeatures: readonly string[];
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDeviceHandle>;
}

/** `navigator.gpu` */
export interface WebGpuApi {
  requestAdapter(options: { readonly powerPreference: "high-performance" }): Promise<GpuAdapterHandle | null>;
}
